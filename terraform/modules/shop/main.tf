# The whole shop on a cluster that is there, from the same manifests as `make up`: kinds and namespaces, the platform, the
# operator, the ShopServices. Each waits for what it needs; destroyed, they go the other way round, and what holds data stays.

locals {
  layers = merge(
    { platform = var.platform, operator = var.operator, services = var.services },
    var.development ? { development = "${var.repository}/manifests/dev" } : {},
  )
  manifests = { for name, built in data.kustomization_build.layer : name => built.manifests }
  first     = { for name, built in data.kustomization_build.layer : name => built.ids_prio[0] }
  rest      = { for name, built in data.kustomization_build.layer : name => setunion(built.ids_prio[1], built.ids_prio[2]) }

  services = {
    for manifest in local.manifests.services : jsondecode(manifest).metadata.name => manifest
  }
  images = toset(concat(
    flatten([for name, built in local.manifests : [
      for id, manifest in built : [
        for container in concat(
          try(jsondecode(manifest).spec.template.spec.containers, []),
          try(jsondecode(manifest).spec.template.spec.initContainers, []),
        ) : container.image
      ]
    ]]),
    [for name, manifest in local.services : jsondecode(manifest).spec.image],
  ))
}

data "kustomization_build" "layer" {
  for_each = local.layers
  path     = each.value

  lifecycle {
    postcondition {
      condition     = length(self.ids) > 0
      error_message = "${each.value} builds to nothing."
    }
  }
}

resource "terraform_data" "images" {
  input = sort(tolist(local.images))

  lifecycle {
    precondition {
      condition     = !var.images_by_digest || alltrue([for image in local.images : strcontains(image, "@sha256:")])
      error_message = "Not by digest: ${join(", ", [for image in local.images : image if !strcontains(image, "@sha256:")])}. Pin them with `kustomize edit set image` in an overlay of your own."
    }
  }
}

resource "kubectl_manifest" "crd" {
  for_each          = var.crds
  yaml_body         = file(each.value)
  server_side_apply = true
  force_conflicts   = true
  apply_only        = true # with a kind go all objects of it, others' too
}

# Namespaces and CRDs: with a namespace go its volumes, and with a kind all its objects. What the operator declares too is
# applied once, with it.
resource "kubectl_manifest" "platform_first" {
  for_each          = setsubtract(local.first.platform, local.first.operator)
  yaml_body         = local.manifests.platform[each.value]
  server_side_apply = true
  force_conflicts   = true
  apply_only        = true
  depends_on        = [kubectl_manifest.crd, terraform_data.images]
}

resource "terraform_data" "secrets" {
  count = length(var.secrets_command) > 0 ? 1 : 0

  provisioner "local-exec" {
    command     = join(" ", [for word in var.secrets_command : "'${replace(word, "'", "'\\''")}'"])
    working_dir = var.repository
    environment = { KUBECONFIG = var.kubeconfig }
  }
  depends_on = [kubectl_manifest.platform_first, kubectl_manifest.operator_first]
}

resource "kubectl_manifest" "platform" {
  for_each          = local.rest.platform
  yaml_body         = local.manifests.platform[each.value]
  server_side_apply = true
  force_conflicts   = true
  wait              = var.wait
  wait_for_rollout  = var.wait
  depends_on        = [terraform_data.secrets, kubectl_manifest.platform_first, kubectl_manifest.operator_first]
}

resource "kubectl_manifest" "operator_first" {
  for_each          = local.first.operator
  yaml_body         = local.manifests.operator[each.value]
  server_side_apply = true
  force_conflicts   = true
  apply_only        = true
  depends_on        = [kubectl_manifest.crd, terraform_data.images]
}

resource "kubectl_manifest" "operator" {
  for_each          = local.rest.operator
  yaml_body         = local.manifests.operator[each.value]
  server_side_apply = true
  force_conflicts   = true
  wait              = var.wait
  wait_for_rollout  = var.wait
  # The operator puts the bundle of its certificate there.
  ignore_fields = ["webhooks"]
  depends_on    = [kubectl_manifest.operator_first, kubectl_manifest.platform]
}

resource "kubectl_manifest" "service" {
  for_each          = local.services
  yaml_body         = each.value
  server_side_apply = true
  force_conflicts   = true
  wait              = var.wait # deleted, it is gone when the operator has let go of what is outside
  depends_on        = [kubectl_manifest.operator]
}

resource "kubectl_manifest" "development" {
  for_each          = var.development ? local.rest.development : toset([])
  yaml_body         = local.manifests.development[each.value]
  server_side_apply = true
  force_conflicts   = true
  wait              = var.wait
  wait_for_rollout  = var.wait
  depends_on        = [kubectl_manifest.operator]
}

resource "terraform_data" "ready" {
  count            = var.wait ? 1 : 0
  triggers_replace = [local.services, var.platform]

  provisioner "local-exec" {
    command     = "kubectl wait shopservices --all --namespace=shop --for=condition=Ready --timeout=${var.ready_seconds}s"
    environment = { KUBECONFIG = var.kubeconfig }
  }
  depends_on = [kubectl_manifest.service, kubectl_manifest.development]
}

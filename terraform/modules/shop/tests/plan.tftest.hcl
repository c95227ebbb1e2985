# Of the real overlays; no cluster is asked for anything. `tofu test` in `terraform/modules/shop`.
mock_provider "kubectl" {}

provider "kustomization" {
  kubeconfig_raw = <<-YAML
    apiVersion: v1
    kind: Config
    current-context: none
    contexts: [{name: none, context: {cluster: none, user: none}}]
    clusters: [{name: none, cluster: {server: "http://127.0.0.1:9"}}]
    users: [{name: none, user: {}}]
  YAML
}

variables {
  repository = "../../.."
  platform   = "../../../kustomize/overlays/embedded"
  operator   = "../../../kustomize/base/operator"
  services   = "../../../manifests/shop"
  kubeconfig = "/nowhere"
}

run "the_shop_without_what_is_for_development" {
  command = plan

  assert {
    condition     = toset(output.services) == toset(["auth", "gateway", "notification", "order", "payment", "product", "shipping", "storefront", "user"])
    error_message = "Other services than manifests/shop has: ${join(", ", output.services)}"
  }
  assert {
    condition     = contains(output.images, "minishop/operator:0.1.0") && contains(output.images, "minishop/order:0.1.0") && contains(output.images, "minishop/postgres:17")
    error_message = "The images of operator, services and stores are to be known: ${join(", ", output.images)}"
  }
  assert {
    condition     = length(kubectl_manifest.development) == 0 && length(terraform_data.secrets) == 0
    error_message = "Nothing for development was asked for."
  }
}

run "what_holds_data_stays_when_all_is_destroyed" {
  command = plan

  assert {
    condition     = alltrue([for each in kubectl_manifest.platform_first : each.apply_only])
    error_message = "With a namespace go its volumes."
  }
  assert {
    condition     = contains(keys(kubectl_manifest.platform_first), "_/Namespace/_/platform")
    error_message = "The stores' namespace is among them."
  }
}

run "with_what_is_for_development" {
  command = plan
  variables {
    development     = true
    secrets_command = ["true"]
  }

  assert {
    condition     = length(terraform_data.secrets) == 1 && contains(output.images, "minishop/mailbox:0.1.0")
    error_message = "The mailbox belongs to it."
  }
}

run "images_by_tag_are_refused_where_digests_are_asked_for" {
  command = plan
  variables {
    images_by_digest = true
  }
  expect_failures = [terraform_data.images]
}

run "too_little_time_is_refused" {
  command = plan
  variables {
    ready_seconds = 5
  }
  expect_failures = [var.ready_seconds]
}

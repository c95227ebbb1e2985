# EKS, its nodes, and the add-ons that the shop counts on: NetworkPolicies that are enforced, volumes, metrics. What is at rest is
# encrypted, by AWS's own keys: Secrets (EKS does since Kubernetes 1.28), disks, volumes, images, backups.

data "aws_iam_policy_document" "assumed_by" {
  for_each = { cluster = "eks.amazonaws.com", node = "ec2.amazonaws.com", pod = "pods.eks.amazonaws.com" }

  statement {
    actions = each.key == "pod" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = [each.value]
    }
  }
}

locals {
  managed = "arn:aws:iam::aws:policy"
  roles = {
    cluster = { by = "cluster", policies = ["AmazonEKSClusterPolicy"] }
    node    = { by = "node", policies = ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"] }
    volumes = { by = "pod", policies = ["service-role/AmazonEBSCSIDriverPolicy"] }
    backups = { by = "pod", policies = [] }
  }
  attached = merge([
    for role, of in local.roles : { for policy in of.policies : "${role} ${policy}" => { role = role, policy = policy } }
  ]...)
}

resource "aws_iam_role" "this" {
  for_each           = local.roles
  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.assumed_by[each.value.by].json
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each   = local.attached
  role       = aws_iam_role.this[each.value.role].name
  policy_arn = "${local.managed}/${each.value.policy}"
}

resource "aws_eks_cluster" "this" {
  name                      = var.name
  version                   = var.kubernetes_version
  role_arn                  = aws_iam_role.this["cluster"].arn
  enabled_cluster_log_types = ["api", "audit", "authenticator"]
  deletion_protection       = true

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false
  }
  vpc_config {
    subnet_ids              = [for subnet in aws_subnet.private : subnet.id]
    endpoint_private_access = true
    endpoint_public_access  = length(var.api_from) > 0
    public_access_cidrs     = length(var.api_from) > 0 ? var.api_from : null
  }
  depends_on = [aws_iam_role_policy_attachment.this]
}

resource "aws_eks_access_entry" "administrator" {
  for_each      = var.administrators
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value
}

resource "aws_eks_access_policy_association" "administrator" {
  for_each      = aws_eks_access_entry.administrator
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

  access_scope {
    type = "cluster"
  }
}

# A pod has no way to the node's own credentials: the metadata service answers no packet that was forwarded.
resource "aws_launch_template" "node" {
  name_prefix            = "${var.name}-node-"
  update_default_version = true

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_type = "gp3"
      volume_size = 80
      encrypted   = true
    }
  }
}

# A group a zone: a volume stays in its zone, and so must a node for the pod that has it.
resource "aws_eks_node_group" "this" {
  for_each        = aws_subnet.private
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = "${var.name}-${each.key}"
  node_role_arn   = aws_iam_role.this["node"].arn
  subnet_ids      = [each.value.id]
  ami_type        = "AL2023_x86_64_STANDARD"
  instance_types  = var.instance_types

  scaling_config {
    min_size     = var.nodes_per_zone.least
    max_size     = var.nodes_per_zone.most
    desired_size = var.nodes_per_zone.least
  }
  update_config {
    max_unavailable = 1
  }
  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }
  lifecycle {
    ignore_changes = [scaling_config[0].desired_size] # an autoscaler's
  }
  # Before the network plugin is there, no node becomes Ready.
  depends_on = [aws_eks_addon.before_nodes, aws_iam_role_policy_attachment.this]
}

locals {
  before_nodes = {
    vpc-cni                = { enableNetworkPolicy = "true" }
    kube-proxy             = {}
    eks-pod-identity-agent = {}
  }
  on_nodes = {
    coredns            = {}
    metrics-server     = {}
    aws-ebs-csi-driver = { defaultStorageClass = { enabled = true } }
  }
}

resource "aws_eks_addon" "before_nodes" {
  for_each                    = local.before_nodes
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  configuration_values        = jsonencode(each.value)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_addon" "on_nodes" {
  for_each                    = local.on_nodes
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  configuration_values        = jsonencode(each.value)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  depends_on                  = [aws_eks_node_group.this, aws_eks_pod_identity_association.volumes]
}

resource "aws_eks_pod_identity_association" "volumes" {
  cluster_name    = aws_eks_cluster.this.name
  namespace       = "kube-system"
  service_account = "ebs-csi-controller-sa"
  role_arn        = aws_iam_role.this["volumes"].arn
}

# The shop on kind, where Strimzi's operator keeps Kafka (`kubectl apply -k kustomize/overlays/kind/operators` before); images
# by `shop-cluster images`; without Vault, as by `SECRETS=kubernetes make up`.
terraform {
  required_version = ">= 1.9"
  required_providers {
    kustomization = {
      source  = "kbst/kustomization"
      version = "0.9.8"
    }
    kubectl = {
      source  = "gavinbunney/kubectl"
      version = "1.19.0"
    }
  }
  # The state is a Secret of the cluster, locked by a Lease.
  backend "kubernetes" {
    secret_suffix = "minishop"
    namespace     = "default"
  }
}

provider "kustomization" {
  kubeconfig_path = var.kubeconfig
}

provider "kubectl" {
  config_path = var.kubeconfig
}

module "shop" {
  source          = "../modules/shop"
  repository      = local.repository
  platform        = "${local.repository}/kustomize/overlays/kind"
  operator        = "${local.repository}/kustomize/base/operator"
  services        = "${local.repository}/kustomize/overlays/shop-kubernetes"
  kubeconfig      = var.kubeconfig
  secrets_command = ["${local.repository}/.venv/bin/shop-cluster", "secrets", "--shop"]
  development     = true
}

locals {
  repository = abspath("${path.root}/../..")
}

output "services" {
  description = "The ShopServices that the cluster has."
  value       = module.shop.services
}

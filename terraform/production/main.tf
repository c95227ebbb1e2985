# The shop on a cluster of a team's own: its overlay, images by digest only, Secrets from elsewhere (Vault, or made before), no
# mailbox and no simulator.
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
  source           = "../modules/shop"
  repository       = var.repository
  platform         = var.platform
  operator         = var.operator
  services         = var.services
  kubeconfig       = var.kubeconfig
  images_by_digest = true
  ready_seconds    = 900
}

output "images" {
  description = "Every image that runs, by digest."
  value       = module.shop.images
}

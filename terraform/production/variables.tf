variable "kubeconfig" {
  description = "The kubeconfig of the cluster; exec plugins (EKS, GKE, AKS) work."
  type        = string
}

variable "repository" {
  description = "A checkout, or a copy of it."
  type        = string
}

variable "platform" {
  description = "The kustomization of the stores, or of the Secrets by which stores elsewhere are reached."
  type        = string
}

variable "operator" {
  description = "The kustomization of the operator, of `kustomize/base/operator` with its image by digest and the address of Vault (`MINISHOP_VAULT_ADDRESS`)."
  type        = string
}

variable "services" {
  description = "The kustomization of the ShopServices, of `manifests/shop` with images by digest."
  type        = string
}

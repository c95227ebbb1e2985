variable "kubeconfig" {
  description = "The kubeconfig of the cluster; exec plugins (EKS, GKE, AKS) work."
  type        = string
}

variable "repository" {
  description = "A checkout, or a copy of it, whose `manifests/shop` name images by digest."
  type        = string
}

variable "platform" {
  description = "The kustomization of the stores, or of the Secrets by which stores elsewhere are reached."
  type        = string
}

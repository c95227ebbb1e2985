variable "kubeconfig" {
  description = "The embedded cluster's kubeconfig; MINISHOP_STATE moves it."
  type        = string
  default     = "/var/lib/minishop/kubeconfig"
}

variable "crds" {
  description = "Files of CRDs, one each, that the cluster lacks; `shop-cluster tofu` names those published with Strimzi, Kong and the rest."
  type        = set(string)
}

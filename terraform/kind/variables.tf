variable "kubeconfig" {
  description = "Kind's kubeconfig (`kind get kubeconfig --name minishop > file`)."
  type        = string
}

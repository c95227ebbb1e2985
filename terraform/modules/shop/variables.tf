variable "repository" {
  description = "The checkout that the manifests are read from."
  type        = string
}

variable "platform" {
  description = "The kustomization of the stores, Kafka and Connect: an overlay of `kustomize/overlays`, or one of your own."
  type        = string
}

variable "operator" {
  description = "The kustomization of the operator: `kustomize/base/operator`, or one that tells it of a Vault (`MINISHOP_VAULT_ADDRESS`)."
  type        = string
}

variable "services" {
  description = "The kustomization of the ShopServices: `manifests/shop`, whose secrets are Vault's, `kustomize/overlays/shop-kubernetes`, or one of your own."
  type        = string
}

variable "kubeconfig" {
  description = "The file by which kubectl reaches the cluster; the providers are configured by the root."
  type        = string
}

variable "crds" {
  description = "Files of CRDs that the cluster does not have yet, of others' kinds that the shop is made of (Strimzi's, Gateway API's, the Prometheus operator's). One CRD a file."
  type        = set(string)
  default     = []
}

variable "secrets_command" {
  description = "A command that makes the Secrets of the stores' administrators, and those of services without Vault, where they are missing; empty where they come from elsewhere. What it makes is in no state file."
  type        = list(string)
  default     = []
}

variable "development" {
  description = "Whether the mailbox, the payment simulator and the entry of `manifests/dev` belong to it."
  type        = bool
  default     = false
}

variable "images_by_digest" {
  description = "Whether an image that is not named by its digest is refused."
  type        = bool
  default     = false
}

variable "wait" {
  description = "Whether an apply lasts until pods run and all ShopServices are Ready, and a destroy until all is gone."
  type        = bool
  default     = true
}

variable "ready_seconds" {
  description = "How long the ShopServices may take until all are Ready."
  type        = number
  default     = 300

  validation {
    condition     = var.ready_seconds >= 30
    error_message = "ready_seconds is at least 30: pods start in it."
  }
}

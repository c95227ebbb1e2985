variable "region" {
  description = "The region of AWS; it has three zones or more."
  type        = string
}

variable "name" {
  description = "The cluster's name, and the first part of every other."
  type        = string
  default     = "minishop"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,29}$", var.name))
    error_message = "name is 2 to 30 of a-z, 0-9 and -, and begins with a letter: names of roles and of the bucket are made of it."
  }
}

variable "network" {
  description = "The addresses of the VPC (IPv4, a /16). Every pod has one of its own."
  type        = string
  default     = "10.64.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.network)) && endswith(var.network, "/16")
    error_message = "network is a /16 of IPv4, such as 10.64.0.0/16."
  }
}

variable "kubernetes_version" {
  description = "The minor version of Kubernetes."
  type        = string
  default     = "1.34"
}

variable "api_from" {
  description = "Networks from which the API server is reached over the internet, such as an office's; none: only from within the VPC."
  type        = set(string)
  default     = []

  validation {
    condition     = !contains(var.api_from, "0.0.0.0/0")
    error_message = "api_from names networks of yours; 0.0.0.0/0 is everybody."
  }
}

variable "administrators" {
  description = "ARNs of IAM roles whose members administer the cluster."
  type        = set(string)

  validation {
    condition     = length(var.administrators) > 0 && alltrue([for arn in var.administrators : strcontains(arn, ":role/")])
    error_message = "administrators is one ARN of a role or more: who applies this is none by himself."
  }
}

variable "instance_types" {
  description = "Types of the nodes, the first that is to be had; all of one architecture, that of the images."
  type        = list(string)
  default     = ["m7i.xlarge", "m6i.xlarge"]
}

variable "nodes_per_zone" {
  description = "How many nodes each of the three zones has: at least, and at the most."
  type        = object({ least = number, most = number })
  default     = { least = 1, most = 4 }

  validation {
    condition     = var.nodes_per_zone.least >= 1 && var.nodes_per_zone.most >= var.nodes_per_zone.least
    error_message = "A volume stays in its zone, so each has a node or more: 1 <= least <= most."
  }
}

variable "repositories" {
  description = "The repositories of the registry: services, operator, Connect, and the stores' mirrored images."
  type        = set(string)
  default = [
    "auth", "gateway", "notification", "operator", "order", "payment", "product", "shipping", "storefront", "user",
    "connect", "mongodb", "mongodb-agent", "postgresql", "rabbitmq", "strimzi-kafka", "strimzi-operator", "valkey",
  ]
}

variable "backup_days" {
  description = "How many days a backup is kept; people's addresses are in it."
  type        = number
  default     = 35
}

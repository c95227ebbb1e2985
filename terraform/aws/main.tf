# A cluster on AWS for the shop in production: network, EKS on nodes in three zones, a registry, a bucket for backups. The stores run
# in it by their operators, as kustomize/overlays/production has them. Not applied anywhere yet: docs/delivery.md says what was checked.
terraform {
  required_version = ">= 1.10"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
  # Bucket, key and region: `-backend-config`. The state is locked by a file beside it.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { "app.kubernetes.io/part-of" = var.name }
  }
}

data "aws_caller_identity" "this" {}

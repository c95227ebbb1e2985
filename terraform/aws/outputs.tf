output "kubeconfig_command" {
  description = "What writes the kubeconfig that `terraform/production` takes."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${aws_eks_cluster.this.name}"
}

output "registry" {
  description = "What stands before an image's name: put it into the production overlay instead of `registry.example.com/minishop`."
  value       = "${data.aws_caller_identity.this.account_id}.dkr.ecr.${var.region}.amazonaws.com/${var.name}"
}

output "pod_networks" {
  description = "Where Kong's pods have their addresses: the gateway's `TRUSTED_PROXIES` in the production overlay."
  value       = values(local.private_networks)
}

output "backups" {
  description = "The bucket for backups: `barmanObjectStore.destinationPath` of the PostgreSQL cluster, with `inheritFromIAMRole`."
  value       = "s3://${aws_s3_bucket.backups.bucket}"
}

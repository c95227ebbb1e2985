output "services" {
  description = "The ShopServices that it has."
  value       = sort(keys(local.services))
}

output "images" {
  description = "Every image that its pods run."
  value       = sort(tolist(local.images))
}

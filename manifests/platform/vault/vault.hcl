# OpenBao's configuration. Seals, storage and logins are of a development cluster.
storage "raft" {
  path    = "/vault/data"
  node_id = "vault-0"
  # Alone, it need not wait long for others before it leads.
  performance_multiplier = 1
}

listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/etc/minishop/tls/tls.crt"
  tls_key_file  = "/etc/minishop/tls/tls.key"
}

api_addr     = "https://vault.platform.svc.cluster.local:8200"
cluster_addr = "https://127.0.0.1:8201"

# It opens by itself, with a key from a Secret. In production a KMS keeps the key (awskms, gcpckms, azurekeyvault, pkcs11).
seal "static" {
  current_key_id = "1"
  current_key    = "file:///etc/minishop/seal/key"
}

# Every request and answer, values hashed: `kubectl logs`.
audit "file" "stdout" {
  options {
    file_path = "stdout"
  }
}

# Done once, at the first start, with a root token that nobody sees and that is revoked then. `make up` does the rest.
initialize "login" {
  request "enable-kubernetes" {
    operation = "update"
    path      = "sys/auth/kubernetes"
    data      = { type = "kubernetes" }
  }
  request "configure-kubernetes" {
    operation = "update"
    path      = "auth/kubernetes/config"
    data      = { kubernetes_host = "https://kubernetes.default.svc" }
  }
  request "administrator-policy" {
    operation = "update"
    path      = "sys/policies/acl/administrator"
    data = {
      policy = <<EOT
path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }
EOT
    }
  }
  # Who may make tokens of this ServiceAccount (`kubectl create token vault-administrator -n platform`) administers Vault.
  request "administrator-role" {
    operation = "update"
    path      = "auth/kubernetes/role/administrator"
    data = {
      bound_service_account_names      = ["vault-administrator"]
      bound_service_account_namespaces = ["platform"]
      token_policies                   = ["administrator"]
      token_ttl                        = 600
      token_max_ttl                    = 3600
    }
  }
}

initialize "engines" {
  request "enable-kv" {
    operation = "update"
    path      = "sys/mounts/secret"
    data      = { type = "kv", options = { version = "2" } }
  }
  request "enable-database" {
    operation = "update"
    path      = "sys/mounts/database"
    data      = { type = "database" }
  }
}

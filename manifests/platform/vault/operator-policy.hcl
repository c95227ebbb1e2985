# What the operator may do in Vault for the services of the namespace shop; for a further namespace repeat this with its name.
# It reads none of their secrets but the one that it writes, and none of the logins that Vault gives out. But who may write
# policies and roles can give rights away, so guard its ServiceAccount as you guard Vault's own administrators.

path "sys/policies/acl/shop-*"     { capabilities = ["read", "create", "update", "delete"] }
path "auth/kubernetes/role/shop-*" { capabilities = ["read", "create", "update", "delete"] }

path "database/config/shop-*" { capabilities = ["read", "create", "update", "delete"] }
path "database/roles/shop-*"  { capabilities = ["read", "create", "update", "delete"] }
# To end a service's logins at once; Vault asks for sudo here.
path "sys/leases/revoke-prefix/database/creds/shop-*" { capabilities = ["update", "sudo"] }

# The login of MongoDB, for which OpenBao has no plugin.
path "secret/data/shop/+/mongodb"     { capabilities = ["read", "create", "update"] }
path "secret/metadata/shop/+/mongodb" { capabilities = ["read", "create", "update", "delete"] }
# Whether the secrets that pods wait for are there: the names of their keys, never a value.
path "secret/subkeys/shop/*" { capabilities = ["read"] }

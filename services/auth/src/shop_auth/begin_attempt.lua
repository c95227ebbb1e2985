-- Count an attempt to sign in, atomically: of any number at once no more than the limit go on.
-- KEYS: the account's attempts. ARGV: limit, window (s), now (s). Returns: allowed, seconds left, time of the first.
local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
if count == 1 then
  redis.call('HSET', KEYS[1], 'since', ARGV[3])
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
local allowed = 1
if count > tonumber(ARGV[1]) then
  redis.call('HINCRBY', KEYS[1], 'count', -1)
  allowed = 0
end
return { allowed, redis.call('TTL', KEYS[1]), redis.call('HGET', KEYS[1], 'since') }

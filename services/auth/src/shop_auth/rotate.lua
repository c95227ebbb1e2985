-- Exchange a refresh token, atomically: of two racing callers with one token, the second finds it spent.
-- KEYS: the session, its spent tokens. ARGV: hash presented, hash to replace it, now (s), grace (s), most tokens.
local current, previous, rotated_at, graced =
  unpack(redis.call('HMGET', KEYS[1], 'current', 'previous', 'rotated_at', 'graced'))
if not current then return 'unknown' end
if redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[5]) then return 'unknown' end
local presented, replacement, now, grace = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

if presented == current then
  redis.call('HSET', KEYS[1], 'current', replacement, 'previous', presented,
    'rotated_at', now, 'graced', '0')
elseif presented == previous and graced == '0' and now - tonumber(rotated_at) <= grace then
  -- The answer that carried `current` was lost on its way: its token is spent, a new one goes out, once.
  redis.call('HSET', KEYS[1], 'current', replacement, 'graced', '1')
elseif redis.call('SISMEMBER', KEYS[2], presented) == 1 then
  return 'reused'
else
  return 'unknown'
end
redis.call('HSET', KEYS[1], 'last_used_at', now)
redis.call('SADD', KEYS[2], presented, current)
redis.call('PEXPIRE', KEYS[2], redis.call('PTTL', KEYS[1]))
return 'rotated'

-- Publishes a command once, and answers how many workers listened. KEYS: the list for the replies, and the set of bindings
-- that leads workers there. ARGV: its member, how many milliseconds the list lives, the channel, and the text.
local sent = redis.call('LRANGE', KEYS[1], -1, -1)[1]
if sent then
  return tonumber(sent)
end
redis.call('SADD', KEYS[2], ARGV[1])
local listeners = redis.call('PUBLISH', ARGV[3], ARGV[4])
redis.call('LPUSH', KEYS[1], listeners)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return listeners

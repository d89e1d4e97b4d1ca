-- Looks for the messages of tasks in a part of a list, from the end that is served first. In Redis rather than in the
-- service, as then only the messages that were found have to be sent.
--
-- KEYS[1]  the list
-- ARGV[1]  how many messages to skip        ARGV[3]  stop after so many bytes
-- ARGV[2]  how many to look at, at most     ARGV[4]  and on: the ids of the tasks
--
-- Answers { messages looked at, length of the list, { place, id, message, place, id, message, ... } }; a place counts
-- from 0 behind what was skipped.
local from, most, bytes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wanted, found = {}, {}
for index = 4, #ARGV do wanted[ARGV[index]] = true end
local length, seen, size = redis.call('LLEN', KEYS[1]), 0, 0
while seen < most and size < bytes and from + seen < length do
  local last = -1 - from - seen
  local messages = redis.call('LRANGE', KEYS[1], last - 9, last)
  for index = #messages, 1, -1 do
    local message = messages[index]
    local id = wantedId(message, wanted)
    if id then
      found[#found + 1] = seen
      found[#found + 1] = id
      found[#found + 1] = message
    end
    seen = seen + 1
    size = size + #message
  end
end
return { seen, length, found }

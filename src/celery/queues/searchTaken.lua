-- Looks for the messages of tasks in a part of the hash of messages that workers have taken.
--
-- KEYS[1]  the hash
-- ARGV[1]  the cursor to go on from, 0 to begin
-- ARGV[2]  how many messages to look at, about
-- ARGV[3]  and on: the ids of the tasks
--
-- Answers { the next cursor, messages looked at, { delivery tag, id, message, delivery tag, id, message, ... } }.
local wanted, found = {}, {}
for index = 3, #ARGV do wanted[ARGV[index]] = true end
local part = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local fields = part[2]
for index = 2, #fields, 2 do
  local id = wantedId(fields[index], wanted)
  if id then
    found[#found + 1] = fields[index - 1]
    found[#found + 1] = id
    found[#found + 1] = fields[index]
  end
end
return { part[1], #fields / 2, found }

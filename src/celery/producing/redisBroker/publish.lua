-- Puts the messages of a batch into their lists, in order, once, however often the batch is sent.
--
--   the record says that this batch has run? -- yes --> the same answer again
--        | no
--   note the batch in the record  -- Redis takes no writes --> the script ends: nothing is done
--        |
--   for each message: claimed before? -> repeated    queue full? -> full    can't be kept? -> refused
--        | none of these
--   keep the claim, LPUSH, PUBLISH the event   -> assigned
--
-- KEYS[1]  the record of this producer's last batch: "<sequence> <answer>"
-- KEYS[2]  and on: lists, claims, and for each queue whose depth counts its four lists side by side
-- ARGV[1]  the batch's sequence number       ARGV[4]  messages that a queue may hold
-- ARGV[2]  seconds that the record lives     ARGV[5]  seconds that a claim lives
-- ARGV[3]  the channel of events             ARGV[6]  1: all messages or none; only the first may have a claim
-- ARGV[7]  and on, six for each message, the first three as places in KEYS, 0 for none:
--          list, first list of its queue, claim, the claim's value, message, event ('' for none)
--
-- Answers '' where every message is assigned, or else JSON with the fate of the others by their index from 0:
--   { "others": { "0": { "fate": "repeated", "value": ... } | { "fate": "full" } | { "fate": "refused", "error": ... } },
--     "eventRefusal": Redis's error }
--
-- The whole script is one step of Redis's, in memory, in the append-only file and on replicas. The record is
-- written first, by a call that ends the script if Redis refuses writes (OOM, READONLY, MISCONF, NOREPLICAS). No
-- later error ends it, and what it undoes, it undoes by a command that has been allowed. The record is touched
-- even if there is nothing to do, since WAIT waits for a connection's own last write.

local FIRST, FIELDS = 7, 6

local record, sequence = KEYS[1], ARGV[1]
local channel, limit, claimSeconds = ARGV[3], tonumber(ARGV[4]), ARGV[5]
local isAtomic = ARGV[6] == '1'
local last = redis.call('GET', record)
if last then
  local lastSequence, lastReply = string.match(last, '^(%d+) (.*)$')
  if tonumber(lastSequence) >= tonumber(sequence) then
    redis.call('SET', record, last, 'EX', ARGV[2])
    return lastReply
  end
end
redis.call('SET', record, sequence .. ' ', 'EX', ARGV[2])

local depths = {}
local function depthOf(first)
  if not depths[first] then
    depths[first] = 0
    for key = first, first + 3 do
      local length = redis.pcall('LLEN', KEYS[key])
      depths[first] = depths[first] + (tonumber(length) or 0)
    end
  end
  return depths[first]
end

local function obstacle(queue, claim)
  if claim then
    local stored = redis.pcall('GET', claim)
    if type(stored) == 'table' then return { fate = 'refused', error = stored.err } end
    if stored and stored ~= '' then return { fate = 'repeated', value = stored } end
  end
  if queue > 0 then
    local depth = depthOf(queue)
    if depth >= limit then return { fate = 'full' } end
    depths[queue] = depth + 1
  end
end

local eventRefusal
local function put(list, claim, value, message, event)
  if claim then
    local kept = redis.pcall('SET', claim, value, 'EX', claimSeconds)
    if kept.err then return { fate = 'refused', error = kept.err } end
  end
  local length = redis.pcall('LPUSH', list, message)
  if type(length) == 'table' then
    if claim then redis.pcall('SET', claim, '', 'PX', 1) end
    return { fate = 'refused', error = length.err }
  end
  if event ~= '' then
    local heard = redis.pcall('PUBLISH', channel, event)
    if type(heard) == 'table' then eventRefusal = heard.err end
  end
end

-- Of messages that go all or not at all: what could still refuse one of them after this, a user without the
-- right to LPUSH, refuses the first one.
local function obstacleOfAny()
  for at = FIRST, #ARGV, FIELDS do
    local found = obstacle(tonumber(ARGV[at + 1]), KEYS[tonumber(ARGV[at + 2])])
    if found then return found end
    local length = redis.pcall('LLEN', KEYS[tonumber(ARGV[at])])
    if type(length) == 'table' then return { fate = 'refused', error = length.err } end
  end
end

local others = {}
local obstacleOfAll = isAtomic and obstacleOfAny() or nil
for at = FIRST, #ARGV, FIELDS do
  local index = string.format('%d', (at - FIRST) / FIELDS)
  local list, claim = KEYS[tonumber(ARGV[at])], KEYS[tonumber(ARGV[at + 2])]
  local found = obstacleOfAll
  if not isAtomic then found = obstacle(tonumber(ARGV[at + 1]), claim) end
  others[index] = found or put(list, claim, ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
  -- What became of the first one became of all.
  if isAtomic and others[index] then break end
end
if next(others) == nil and not eventRefusal then return '' end
local reply = cjson.encode({ others = others, eventRefusal = eventRefusal })
redis.pcall('SET', record, sequence .. ' ' .. reply, 'EX', ARGV[2])
return reply

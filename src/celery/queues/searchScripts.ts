/** For one call, which Redis does nothing else during. Of taken messages no bytes can be counted in advance. */
export const CALL_MESSAGES = 200;
export const CALL_BYTES = 256 * 1024;
export const CALL_TAKEN = 50;

/**
 * Finds the ids in a message that JavaScript (`"id":"a"`) or Python (`"id": "a"`) has written; its body, in
 * base64, has no quotes. To search for one text costs the same for one wanted task as for many.
 */
const WANTED_ID = `
local function wantedId(message, wanted)
  local _, last = string.find(message, '"id":', 1, true)
  while last do
    local id = string.match(message, '^ ?"([^"]*)"', last + 1)
    if id and wanted[id] then return id end
    _, last = string.find(message, '"id":', last + 1, true)
  end
end
`;

/**
 * Looks through a list from the end that is served first, beginning behind ARGV[1] messages, for the tasks from
 * ARGV[4] on. Returns how many messages it has passed, how many the list holds, and what it has found: the place
 * behind ARGV[1], the id and the message, in turn. In Redis rather than here, as then only those have to be sent.
 */
export const SEARCH_LIST = `
${WANTED_ID}
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
`;

/** The same for a part of the hash of taken messages, from the cursor ARGV[1] on. The places are their tags. */
export const SEARCH_TAKEN = `
${WANTED_ID}
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
`;

/** When the message of this tag was taken, in seconds since 1970. */
export const READ_TIME = `return { redis.call('ZSCORE', KEYS[1], ARGV[1]) }`;

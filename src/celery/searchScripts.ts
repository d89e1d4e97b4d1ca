/** For one call, which Redis does nothing else during. Of taken messages no bytes can be counted in advance. */
export const CALL_MESSAGES = 200;
export const CALL_BYTES = 256 * 1024;
export const CALL_TAKEN = 50;

/**
 * Looks through a list from the end that is served first, beginning behind ARGV[1] messages, until one holds one
 * of the texts ARGV[4] and ARGV[5]. Returns how many messages it has passed, how many the list holds, and the
 * message that it has found. In Redis rather than here, as then only that message has to be sent.
 */
export const SEARCH_LIST = `
local from, most, bytes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local length, seen, size = redis.call('LLEN', KEYS[1]), 0, 0
while seen < most and size < bytes and from + seen < length do
  local last = -1 - from - seen
  local messages = redis.call('LRANGE', KEYS[1], last - 9, last)
  for index = #messages, 1, -1 do
    local message = messages[index]
    if string.find(message, ARGV[4], 1, true) or string.find(message, ARGV[5], 1, true) then
      return { seen, length, message }
    end
    seen = seen + 1
    size = size + #message
  end
  if #messages == 0 then break end
end
return { seen, length }
`;

/** The same for a part of the hash of taken messages; returns the next cursor, and tag and message. */
export const SEARCH_TAKEN = `
local part = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local fields = part[2]
for index = 2, #fields, 2 do
  local message = fields[index]
  if string.find(message, ARGV[3], 1, true) or string.find(message, ARGV[4], 1, true) then
    return { part[1], #fields / 2, fields[index - 1], message }
  end
end
return { part[1], #fields / 2 }
`;

/** When the message of this tag was taken, in seconds since 1970. */
export const READ_TIME = `return { redis.call('ZSCORE', KEYS[1], ARGV[1]) }`;

import { createHash } from 'node:crypto';
import { refusal } from '../../../redis/failure.js';
import type { Outcome } from '../fate.js';

/** One message for a queue, as the script sees it: keys have their prefix already. */
export interface Publication {
  queue: string;
  /** The list that the message goes to. */
  list: string;
  /** All lists of its queue, one for each step of priority; none where its depth does not matter. */
  queueLists: readonly string[];
  message: string;
  /** What is published once the message is in its list; undefined for nothing. */
  event: string | undefined;
  /** Enqueues only if nobody has claimed `key` yet, and then keeps `value` there, in the same step. */
  claim: { key: string; value: string } | undefined;
}

/** What one run of the script enqueues. */
export interface Batch {
  publications: readonly Publication[];
  /** Whether it is all of them or none; the first one alone may have a claim, which stands for all. */
  isAtomic: boolean;
}

export interface BatchOptions {
  /** The key of the record of the last batch that this producer has sent. */
  record: string;
  channel: string;
  /** Messages that a queue may hold; Infinity for any number. */
  maximumDepth: number;
  claimSeconds: number;
}

/**
 * How long the record of a producer's last batch outlives it, in seconds: far longer than a batch that was
 * sent again can lie in the socket of a Redis that has been stopped.
 */
const RECORD_SECONDS = 86_400;

const FIELDS_OF_BATCH = 6;
const FIELDS_OF_MESSAGE = 6;

/**
 * Enqueues the messages of a batch, in order, unless the record says that this batch has been enqueued: it
 * may be sent any number of times. All of it is one step of Redis's, in memory, in the append-only file and
 * on replicas. Returns an empty text if every message is queued, or what became of the others.
 *
 * Messages that are to be queued all or not at all are looked at before the first one is: their claim, the
 * room in their queues, and whether their lists are lists. What could still refuse one of them, a user without
 * the right to LPUSH, refuses the first one. What became of that one became of all.
 *
 * The record is written first, by a call that ends the script if Redis refuses writes (OOM, READONLY, MISCONF,
 * NOREPLICAS): then nothing at all has been done. No later error ends it, and what it undoes, it undoes by a
 * command that has been allowed. The record is touched even if there is nothing to do, since WAIT waits for a
 * connection's own last write.
 */
export const PUBLISH_SCRIPT = `
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

local function obstacleOfAny()
  for at = ${FIELDS_OF_BATCH + 1}, #ARGV, ${FIELDS_OF_MESSAGE} do
    local found = obstacle(tonumber(ARGV[at + 1]), KEYS[tonumber(ARGV[at + 2])])
    if found then return found end
    local length = redis.pcall('LLEN', KEYS[tonumber(ARGV[at])])
    if type(length) == 'table' then return { fate = 'refused', error = length.err } end
  end
end

local others = {}
local obstacleOfAll = isAtomic and obstacleOfAny() or nil
for at = ${FIELDS_OF_BATCH + 1}, #ARGV, ${FIELDS_OF_MESSAGE} do
  local index = string.format('%d', (at - ${FIELDS_OF_BATCH + 1}) / ${FIELDS_OF_MESSAGE})
  local list, claim = KEYS[tonumber(ARGV[at])], KEYS[tonumber(ARGV[at + 2])]
  local found = obstacleOfAll
  if not isAtomic then found = obstacle(tonumber(ARGV[at + 1]), claim) end
  others[index] = found or put(list, claim, ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
  if isAtomic and others[index] then break end
end
if next(others) == nil and not eventRefusal then return '' end
local reply = cjson.encode({ others = others, eventRefusal = eventRefusal })
redis.pcall('SET', record, sequence .. ' ' .. reply, 'EX', ARGV[2])
return reply
`;

export const PUBLISH_SCRIPT_SHA1 = createHash('sha1').update(PUBLISH_SCRIPT).digest('hex');

/** The script's keys and arguments. A message refers to its keys by their place. */
export function publishArguments(
  sequence: number,
  { publications, isAtomic }: Batch,
  options: BatchOptions,
): { keys: readonly string[]; values: readonly (string | number)[] } {
  const keys = [options.record];
  const places = new Map<string, number>();
  const placesOfQueues = new Map<string, number>();
  /** Adds these keys, side by side, unless they are there; gives the place of the first. */
  const placeOf = (known: Map<string, number>, name: string, added: readonly string[]): number => {
    let place = known.get(name);
    if (place === undefined) {
      place = keys.push(...added) - added.length + 1;
      known.set(name, place);
    }
    return place;
  };
  const values: (string | number)[] = [
    sequence,
    RECORD_SECONDS,
    options.channel,
    options.maximumDepth === Infinity ? 0 : options.maximumDepth,
    options.claimSeconds,
    isAtomic ? 1 : 0,
  ];
  for (const { queue, list, queueLists, message, event, claim } of publications) {
    values.push(
      placeOf(places, list, [list]),
      queueLists.length > 0 ? placeOf(placesOfQueues, queue, queueLists) : 0,
      claim === undefined ? 0 : placeOf(places, claim.key, [claim.key]),
      claim?.value ?? '',
      message,
      event ?? '',
    );
  }
  return { keys, values };
}

/** Reads what the script has returned for a batch of so many messages. */
export function readPublishReply(
  reply: string,
  count: number,
): { outcomes: readonly Outcome[]; eventRefusal: string | undefined } {
  if (reply === '') {
    return { outcomes: Array<Outcome>(count).fill(ASSIGNED), eventRefusal: undefined };
  }
  const { others, eventRefusal } = JSON.parse(reply) as Reply;
  return {
    outcomes: Array.from({ length: count }, (_, index) => outcomeOf(others[String(index)])),
    eventRefusal,
  };
}

const ASSIGNED: Outcome = { fate: 'assigned' };

interface Reply {
  others: Readonly<Record<string, Other>>;
  eventRefusal?: string;
}

/** The fate of a message that is not assigned; `error` is Redis's text. */
type Other =
  { fate: 'repeated'; value: string } | { fate: 'full' } | { fate: 'refused'; error: string };

function outcomeOf(other: Other | undefined): Outcome {
  if (other === undefined) {
    return ASSIGNED;
  }
  return other.fate === 'refused' ? { fate: 'refused', ...refusal(new Error(other.error)) } : other;
}

import type { OperationId } from '../contract/contract.js';
import { overloaded, type ClientVisibleError } from '../errors.js';

/** Bounds what is in flight. Each request has a share, which it is told by. */
export interface Admission {
  /** A request comes in: it takes its place, unless its body is to come first. May throw overloaded. */
  admit: (share: Share) => void;
  /** Takes its place, once all of it is there. May throw overloaded. */
  enter: (share: Share) => void;
  /** Counts bytes of its body that are kept until its answer. May throw overloaded. */
  hold: (share: Share, bytes: number) => void;
  /** Gives back all that it has. It takes no more. */
  release: (share: Share) => void;
}

/** One request's share of what may be in flight. */
export interface Share {
  isIn: boolean;
  bytes: number;
  isOver: boolean;
  /** The operation that it asks for, once that is known. */
  route: { operationId: string; takesBody: boolean } | undefined;
}

/**
 * Bounds how many requests are in flight, from when all of them is there until the answer, and how many
 * bytes of bodies, from the first byte. What is beyond is refused at once, so that memory stays bounded and
 * health checks pass. A body that comes slowly keeps nobody out.
 */
export function createAdmission(most: { requests: number; bytes: number }): Admission {
  let requests = 0;
  let bytes = 0;

  const assertRoom = (share: Share): void => {
    if (requests >= most.requests) {
      throw tooMuch('Too many requests are in flight', share);
    }
  };
  const enter = (share: Share): void => {
    if (!share.isIn && !share.isOver) {
      assertRoom(share);
      share.isIn = true;
      requests += 1;
    }
  };

  return {
    admit(share) {
      if (share.route?.takesBody) {
        assertRoom(share);
      } else {
        enter(share);
      }
    },
    enter,
    hold(share, count) {
      if (share.isOver) {
        return;
      }
      if (bytes + count > most.bytes) {
        throw tooMuch('Too many bytes of request bodies are in flight', share);
      }
      bytes += count;
      share.bytes += count;
    },
    release(share) {
      if (!share.isOver) {
        share.isOver = true;
        requests -= share.isIn ? 1 : 0;
        bytes -= share.bytes;
      }
    },
  };
}

const ASSIGNMENTS: readonly (string | undefined)[] = [
  'assignTask',
  'assignTasks',
] satisfies OperationId[];

function tooMuch(message: string, { route }: Share): ClientVisibleError {
  return overloaded(
    message,
    ASSIGNMENTS.includes(route?.operationId) ? { queued: 'no' } : undefined,
  );
}

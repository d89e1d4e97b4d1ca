import { clock, find, setText } from './elements.js';

/** Whether the service can be reached, as a banner says. */
export interface Reach {
  succeeded: () => void;
  failed: (reason: string) => void;
}

export function createReach(): Reach {
  const banner = find('unreachable', HTMLElement);
  let since: Date | undefined;
  return {
    succeeded() {
      since = undefined;
      banner.hidden = true;
      setText(banner, '');
    },
    failed(reason) {
      since ??= new Date();
      banner.hidden = false;
      setText(
        banner,
        `The service can't be reached since ${clock(since)} (${reason}). ` +
          'What is shown may be out of date; trying again.',
      );
    },
  };
}

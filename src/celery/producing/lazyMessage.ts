import type { JsonText } from '../../json/jsonText.js';
import type { Message, Task } from '../wire/message.js';
import type { TaskMessage } from './broker.js';

interface Written {
  message: Message;
  event: Message | undefined;
}

/**
 * A message that is written when it is first read, as its batch goes out. Written earlier, it would wait for the
 * batch before it, reach V8's old generation and make the collection of garbage dear.
 *
 * It is a class, as getters on a prototype cost nothing for each message.
 */
export class LazyMessage implements TaskMessage {
  readonly queue: string;
  readonly priority: number;
  readonly #write: () => Written;
  #written: Written | undefined;

  constructor({ queue, priority }: Task, write: () => Written) {
    this.queue = queue;
    this.priority = priority;
    this.#write = write;
  }

  get headers(): JsonText {
    return this.#parts().message.headers;
  }

  get properties(): JsonText {
    return this.#parts().message.properties;
  }

  get body(): Buffer {
    return this.#parts().message.body;
  }

  get sentEvent(): { message: Message | undefined } {
    return { message: this.#parts().event };
  }

  #parts(): Written {
    this.#written ??= this.#write();
    return this.#written;
  }
}

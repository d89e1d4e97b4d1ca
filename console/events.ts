/** An event of a stream of Server-Sent Events. */
export interface ServerEvent {
  type: string;
  data: string;
}

/**
 * Reads Server-Sent Events from an answer (HTML, section 9.2.6, with lines that end in LF or CR LF). The browser's
 * own EventSource can't send the header that carries a key.
 *
 * @param heard is called for whatever comes, heartbeats included
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  heard: () => void,
): AsyncGenerator<ServerEvent, void, undefined> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  let type = '';
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      heard();
      const lines = `${rest}${decoder.decode(value, { stream: true })}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.map((one) => one.replace(/\r$/, ''))) {
        if (line === '' && data.length > 0) {
          yield { type: type === '' ? 'message' : type, data: data.join('\n') };
        }
        if (line === '') {
          type = '';
          data = [];
        } else if (line.startsWith('event:')) {
          type = valueOf(line);
        } else if (line.startsWith('data:')) {
          data.push(valueOf(line));
        }
      }
    }
  } finally {
    // Where nobody reads on, nothing more is to be sent either.
    await reader.cancel().catch(() => undefined);
  }
}

function valueOf(line: string): string {
  const value = line.slice(line.indexOf(':') + 1);
  return value.startsWith(' ') ? value.slice(1) : value;
}

import { pointerKeys } from '../../json/jsonPointer.js';

/** What is wrong with a tasks file, and where. */
export interface FileFault {
  file: TextFile;
  /** A JSON pointer (RFC 6901) into the file; the nearest line above it is told where it leads to nothing. */
  pointer: string;
  message: string;
}

export interface TextFile {
  path: string;
  text: string;
}

/** An Error that tells each of these faults in a line: file, line, pointer, message. */
export async function faultyFiles(faults: readonly FileFault[]): Promise<Error> {
  const placed = await Promise.all(
    faults.map(async (fault) => ({ ...fault, line: await lineOf(fault.file.text, fault.pointer) })),
  );
  const lines = placed
    .sort((one, other) => (one.file === other.file ? one.line - other.line : 0))
    .map(({ file, line, pointer, message }) =>
      [`\n  ${file.path}:${line}:`, ...(pointer === '' ? [] : [pointer]), message].join(' '),
    );
  return new Error(`TASKS_FILE can't be used:${lines.join('')}`);
}

/** The number of the line on which the value at the pointer begins, or its name. */
async function lineOf(text: string, pointer: string): Promise<number> {
  const { isMap, isScalar, isSeq, LineCounter, parseDocument } = await import('yaml');
  const lineCounter = new LineCounter();
  let node: unknown = parseDocument(text, { lineCounter }).contents;
  let offset = 0;
  for (const key of pointerKeys(pointer)) {
    const pair = isMap(node)
      ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
      : undefined;
    const item = isSeq(node) ? node.items[Number(key)] : undefined;
    const found = pair?.key ?? item;
    if (found === undefined) {
      break;
    }
    offset = (found as { range?: [number, number, number] }).range?.[0] ?? offset;
    node = pair === undefined ? item : pair.value;
  }
  return lineCounter.linePos(offset).line;
}

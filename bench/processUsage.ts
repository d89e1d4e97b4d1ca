import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

// What the kernel's own accounting says of a process group, its threads and children included. All of
// it needs /proc, which Linux alone has; elsewhere every figure is undefined.

/** USER_HZ, the unit of /proc/<pid>/stat, is 100 on every architecture that Node.js runs on. */
const MICROSECONDS_PER_TICK = 10_000;

/** Writing this to clear_refs makes the present memory the new peak: proc_pid_clear_refs(5). */
const RESET_PEAK = '5';

/** Carries a contender's console away, and is no part of it: see startQuietly. */
const CONSOLE_READER = 'cat';

/** CPU time, user and system, that the group led by `leader` has used, in microseconds. */
export function cpuMicroseconds(leader: number): number | undefined {
  const members = membersOf(leader);
  if (members.length === 0) return undefined;
  return members.reduce((sum, member) => sum + cpuOf(member), 0);
}

/** Exact where the kernel counts nanoseconds of each thread, else give or take 10,000 microseconds. */
function cpuOf({ pid, userTicks, systemTicks }: Member): number {
  const threads = namesIn(`/proc/${pid}/task`).map((thread) =>
    Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]),
  );
  const nanoseconds = threads.reduce((sum, time) => sum + time, 0);
  return nanoseconds > 0 ? nanoseconds / 1_000 : (userTicks + systemTicks) * MICROSECONDS_PER_TICK;
}

/** Begins a new peak for peakMemoryBytes, where the kernel allows it. */
export function resetPeakMemory(leader: number): void {
  for (const { pid } of membersOf(leader)) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, RESET_PEAK);
    } catch {
      // The peak then counts from the start of the process.
    }
  }
}

/** The most memory that the group's processes have held (VmHWM), added up, in bytes. */
export function peakMemoryBytes(leader: number): number | undefined {
  const peaks = membersOf(leader).map(({ pid }) => {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  });
  const known = peaks.filter((peak) => peak !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, peak) => sum + peak, 0);
}

/** How many processes the group has. */
export function processCount(leader: number): number {
  return membersOf(leader).length;
}

interface Member {
  pid: number;
  userTicks: number;
  systemTicks: number;
}

function membersOf(leader: number): Member[] {
  return processIds().flatMap((pid) => {
    const stat = read(`/proc/${pid}/stat`);
    // The name stands in parentheses and may hold any character.
    const end = stat.lastIndexOf(')');
    const name = stat.slice(stat.indexOf('(') + 1, end);
    const fields = stat.slice(end + 2).split(' ');
    // Numbered as in proc_pid_stat(5), where the state after the name is field 3.
    const field = (number: number): number => Number(fields[number - 3]);
    if (field(5) !== leader || name === CONSOLE_READER) return [];
    return [{ pid, userTicks: field(14), systemTicks: field(15) }];
  });
}

function processIds(): number[] {
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

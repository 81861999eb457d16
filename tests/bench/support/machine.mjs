// What the machine and single processes do, read from /proc.
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const TICKS = 100;  // a second, on every Linux
const lines = (path) => readFileSync(path, 'utf8').split('\n');
const fieldsOf = (pid) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
};

/** Pids of `pid` and of all that descend from it. */
export function tree(pid) {
  const pids = [pid];
  for (const parent of pids) {
    try {
      for (const task of readdirSync(`/proc/${parent}/task`)) {
        pids.push(...readFileSync(`/proc/${parent}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number));
      }
    } catch { /* ended meanwhile */ }
  }
  return pids;
}
/** CPU seconds that a process and its living descendants have used, and children it has waited for. */
export function cpuSeconds(pid) {
  let ticks = 0;
  for (const one of tree(pid)) {
    try {
      const [user, system, waitedUser, waitedSystem] = fieldsOf(one).slice(11, 15);
      ticks += user + system + waitedUser + waitedSystem;
    } catch { /* ended meanwhile */ }
  }
  return ticks / TICKS;
}

/** Resident memory of one process in bytes: all of it, and the part that is its own and not a file's. */
export function memory(pid) {
  const of = (name) => Number(lines(`/proc/${pid}/status`).find((line) => line.startsWith(name)).match(/\d+/)[0]) * 1024;
  return { resident: of('VmRSS'), anonymous: of('RssAnon') };
}

export const openFilesLimit = () => {
  const [, , , soft] = lines('/proc/self/limits').find((line) => line.startsWith('Max open files')).split(/\s+/);
  return soft === 'unlimited' ? Infinity : Number(soft);
};

const busySeconds = () => {
  const [user, nice, system, , , irq, softirq] = lines('/proc/stat')[0].split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS;
};

/** Begins to watch; the function it answers tells how many cores others kept busy since. All that this process started counts as ours. */
export function watchOthers() {
  const began = { at: performance.now(), busy: busySeconds(), ours: cpuSeconds(process.pid) };
  return () => {
    const seconds = (performance.now() - began.at) / 1000;
    return Math.max(0, (busySeconds() - began.busy - (cpuSeconds(process.pid) - began.ours)) / seconds);
  };
}

export const loadAverage = () => Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
export const cores = cpus().length;
export const model = cpus()[0]?.model ?? 'unknown';

import { Gauge, type Registry } from 'prom-client';

/** @param waiters how many clients of this process wait for a change of a task */
export function createWaiterMetrics(registry: Registry, waiters: () => number): void {
  new Gauge({
    name: 'orchestrator_waiters',
    help: 'Clients that wait for a change of a task, by all of the processes together.',
    registers: [registry],
    collect() {
      this.set(waiters());
    },
  });
}

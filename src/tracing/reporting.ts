import type { ExportResultCode } from '@opentelemetry/core';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';

/** Called once at each change. */
export interface ExportEvents {
  failing: (reason: string) => void;
  working: () => void;
}

/**
 * Wraps an exporter: reports when it begins to fail and when it works again. OpenTelemetry is told that each batch
 * succeeded, as it would log a line for each one that failed.
 */
export function reporting(
  exporter: SpanExporter,
  codes: typeof ExportResultCode,
  events: ExportEvents,
): SpanExporter {
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, ({ code, error }) => {
        const fails = code !== codes.SUCCESS;
        if (fails && !isFailing) {
          events.failing(error?.message ?? 'no reason given');
        } else if (!fails && isFailing) {
          events.working();
        }
        isFailing = fails;
        done({ code: codes.SUCCESS });
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

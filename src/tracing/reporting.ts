import type { ExportResultCode } from '@opentelemetry/core';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';

/** What an operator wants to know of the export: each change once. */
export interface ExportEvents {
  failing: (reason: string) => void;
  working: () => void;
}

/**
 * The same exporter, which tells when it begins to fail and when it works again, and says nothing of it to
 * OpenTelemetry, which would write a line for each batch.
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

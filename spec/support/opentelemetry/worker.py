"""A worker that is traced as OpenTelemetry's documentation says, and gives what a task sees of its trace."""

import os

from celery import Celery
from celery.signals import worker_process_init
from opentelemetry import baggage, trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider

app = Celery("worker", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.task_default_queue = "traced_queue"
app.conf.broker_connection_retry_on_startup = True


@worker_process_init.connect(weak=False)
def init_tracing(*args, **kwargs):
    """Spans are made in the processes that run tasks."""
    trace.set_tracer_provider(TracerProvider())
    CeleryInstrumentor().instrument()


@app.task(name="worker.show_trace")
def show_trace(params):
    """Give the span of this task, its parent and its baggage."""
    span = trace.get_current_span()
    context = span.get_span_context()
    # One that is not sampled has neither a name nor a parent.
    parent = getattr(span, "parent", None)
    return {
        "name": getattr(span, "name", None),
        "kind": span.kind.name if span.is_recording() else None,
        "trace_id": trace.format_trace_id(context.trace_id),
        "is_sampled": context.trace_flags.sampled,
        "parent_id": trace.format_span_id(parent.span_id) if parent else None,
        "trace_state": context.trace_state.to_header(),
        "baggage": dict(baggage.get_all()),
    }

"""The metrics for Prometheus: observers feed the counters; gauges are read from the database when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from syncd import __version__
from syncd.compshare.client import RequestRecord
from syncd.delivery.settlement import DeliveryRecord
from syncd.monitoring.health import AccountView, Health, SinkView, TargetView
from syncd.monitoring.snapshot import Snapshot
from syncd.sync.report import SyncReport

LATENCY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends of the histogram's buckets, in seconds."""


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        build = Gauge("syncd_build_info", "Version of syncd", ["version"], registry=self.registry)
        build.labels(__version__).set(1)
        self._reload = self._gauge("syncd_config_last_reload_successful", "1 if the last reload took effect")
        self._reload.set(1)
        self._healthy = self._gauge(
            "syncd_healthy", "1 if syncd does its job; /readyz and syncd status say why not"
        )
        target = ["account", "region"]
        self._syncs = self._counter("syncd_syncs", "Syncs", [*target, "outcome"])
        self._seconds = self._gauge("syncd_sync_duration_seconds", "Duration of the last sync", target)
        self._success = self._gauge(
            "syncd_target_last_success_timestamp_seconds", "Start of the last complete sync", target
        )
        self._alert = self._gauge(
            "syncd_account_alert", "1 while the account has an open alert (sync.failed)", ["account", "class"]
        )
        self._fresh = self._gauge("syncd_target_fresh", "1 if the target is fresh", target)
        self._live = self._gauge("syncd_target_live_images", "Live images", target)
        self._held = self._gauge("syncd_target_held_images", "Images held back by the guard", target)
        self._failures = self._gauge("syncd_target_failures", "Failed or incomplete syncs in a row", target)
        self._requests = self._counter(
            "syncd_api_requests", "Requests to the API", ["account", "action", "outcome"]
        )
        self._latency = Histogram(
            "syncd_api_request_duration_seconds",
            "Duration of requests to the API",
            ["action"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self._events = self._counter("syncd_events", "Events recorded since the start", ["type"])
        self._deliveries = self._counter("syncd_deliveries", "Attempts to deliver", ["sink", "outcome"])
        self._pending = self._gauge("syncd_sink_pending_events", "Events that wait for the sink", ["sink"])
        self._oldest = self._gauge(
            "syncd_sink_oldest_pending_seconds", "Age of the oldest event that waits", ["sink"]
        )
        self._dead = self._gauge("syncd_sink_dead_events", "Events that the sink refused for good", ["sink"])
        self._overdue = self._gauge(
            "syncd_sink_overdue", "1 if an event has waited for over an hour for an enabled sink", ["sink"]
        )
        self._refused = self._gauge(
            "syncd_sink_refused_events", "Events that the sink refused and that are tried again", ["sink"]
        )
        self._sink_alert = self._gauge(
            "syncd_sink_alert", "1 while the sink has an open alert (sink.failed)", ["sink", "reason"]
        )
        self._up = self._gauge("syncd_sink_ok", "1 unless the sink backs off or is disabled", ["sink"])

    def sync(self, report: SyncReport) -> None:
        if report.outcome == "cancelled" or not report.target.region:
            return
        self._syncs.labels(*report.target, report.outcome).inc()
        self._seconds.labels(*report.target).set(report.seconds)

    def request(self, account: str, record: RequestRecord) -> None:
        self._requests.labels(account, record.action, record.outcome).inc()
        self._latency.labels(record.action).observe(record.seconds)

    def delivery(self, record: DeliveryRecord) -> None:
        self._deliveries.labels(record.sink, record.outcome).inc(record.count)

    def count(self, events: Mapping[str, int]) -> None:
        """Add these to the counters: type of the event → how many more there are."""
        for kind, count in events.items():
            self._events.labels(kind).inc(count)

    def expose(self, snapshot: Snapshot, health: Health, reload_error: str | None, now: datetime) -> bytes:
        """The text that Prometheus reads, with the gauges as the snapshot has them."""
        self._reload.set(reload_error is None)
        self._healthy.set(health.healthy)
        self._show_accounts(snapshot.accounts)
        self._show_targets(snapshot.targets, now)
        self._show_sinks(snapshot.sinks, now)
        return generate_latest(self.registry)

    def _show_accounts(self, accounts: Sequence[AccountView]) -> None:
        self._alert.clear()
        for view in accounts:
            if view.alert is not None:
                self._alert.labels(view.account, view.alert).set(1)

    def _show_targets(self, targets: Sequence[TargetView], now: datetime) -> None:
        for gauge in (self._success, self._fresh, self._live, self._held, self._failures):
            gauge.clear()
        for target in targets:
            labels = (target.account, target.region)
            if target.last_success_at is not None:
                self._success.labels(*labels).set(target.last_success_at.timestamp())
            self._fresh.labels(*labels).set(target.is_fresh(now))
            self._live.labels(*labels).set(target.live)
            self._held.labels(*labels).set(target.held)
            self._failures.labels(*labels).set(target.failures)

    def _show_sinks(self, sinks: Sequence[SinkView], now: datetime) -> None:
        gauges = (
            self._pending,
            self._oldest,
            self._overdue,
            self._refused,
            self._dead,
            self._sink_alert,
            self._up,
        )
        for gauge in gauges:
            gauge.clear()
        for sink in sinks:
            age = (now - sink.waiting_since).total_seconds() if sink.waiting_since else 0.0
            self._pending.labels(sink.name).set(sink.pending)
            self._oldest.labels(sink.name).set(max(0.0, age))
            self._overdue.labels(sink.name).set(sink.is_overdue(now))
            self._refused.labels(sink.name).set(sink.refused)
            self._dead.labels(sink.name).set(sink.dead)
            self._up.labels(sink.name).set(sink.state == "ok")
            for reason in sink.alerts:
                self._sink_alert.labels(sink.name, reason).set(1)

    def _gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

import { useState } from "preact/hooks";
import { may, remove, type Registration } from "../api";
import { ago, clock, milliseconds, number, stamp } from "../format";
import { t, word } from "../language";
import { now, status } from "../live";
import { place, set_query } from "../router";
import { useStore } from "../store";
import { useFound } from "../ui/found";
import { Icon } from "../ui/icons";
import { List, type Column } from "../ui/list";
import { Badge, Choice, Confirm, Dialog, Empty, Failed, Head, Search, toast } from "../ui/parts";

const left = (row: Registration, asked_at: number, at: number) => row.expires_in_s === null ? "–" : clock(row.expires_in_s - (at - asked_at) / 1000);

function Details({ row, asked_at, onClose, onKick }: { row: Registration; asked_at: number; onClose: () => void; onKick: () => void }) {
  const at = useStore(now);
  const keep = row.keep_alive;
  return (
    <Dialog title={row.number} onClose={onClose} actions={may("operator") && !row.static &&
      <button type="button" class="danger" onClick={onKick}><Icon name="trash" /> {t("kick")}</button>}>
      <dl class="pairs roomy">
        <dt>{t("state")}</dt><dd><Badge tone={keep.reachable ? "good" : "bad"}>{t(keep.reachable ? "reachable" : "unreachable")}</Badge> {row.static && <Badge>{t("static")}</Badge>}</dd>
        <dt>{t("contact")}</dt><dd class="mono break">{row.contact}</dd>
        <dt>{t("source")}</dt><dd class="mono">{row.source} {row.transport ? `(${row.transport})` : ""} {row.behind_nat && <Badge tone="warn">{t("behind_nat")}</Badge>}</dd>
        <dt>{t("user_agent")}</dt><dd>{row.user_agent || "–"}</dd>
        {!row.static && <><dt>{t("registered")}</dt><dd>{stamp(row.registered_at)}</dd></>}
        <dt>{t("last_heard")}</dt><dd>{ago(row.last_heard_at, at)}</dd>
        <dt>{t("expires")}</dt><dd>{row.static ? t("static_note") : left(row, asked_at, at)}</dd>
        <dt>{t("keep_alive")}</dt><dd>{word("keepalive", keep.method)} · {t("keep_alive_counts", number(keep.sent), number(keep.answered))}</dd>
        <dt>{t("due")}</dt><dd>{keep.due_in_s === null ? "–" : clock(keep.due_in_s - (at - asked_at) / 1000)}</dd>
        <dt>{t("round_trip")}</dt><dd>{milliseconds(keep.round_trip_ms)}</dd>
      </dl>
    </Dialog>
  );
}

export function Registrations() {
  const { query } = useStore(place);
  const at = useStore(now);
  const present = useStore(status);
  const words = (query.get("q") ?? "").trim(), state = query.get("state") ?? "";
  const [open, set_open] = useState<Registration | null>(null);
  const [kicks, set_kicks] = useState<Registration | null>(null);
  const { page, rows, total, error, asked_at, again, sort, part } = useFound<Registration>("registrations", { q: words, state }, "number", 3000);
  const is_filtered = !!(words || state);
  const kick = (row: Registration) => may("operator") && !row.static && (
    <button type="button" class="quiet square danger-text" aria-label={`${t("kick")} ${row.number}`} title={t("kick")} onClick={() => set_kicks(row)}><Icon name="trash" /></button>);
  const reached = (row: Registration) => <Badge tone={row.keep_alive.reachable ? "good" : "bad"}>{t(row.keep_alive.reachable ? "reachable" : "unreachable")}</Badge>;
  const columns: Column<Registration>[] = [
    { name: "number", title: t("number"), width: "minmax(110px, .8fr)", by: (r) => r.number, show: (r) => <button type="button" class="link open strong" onClick={() => set_open(r)}>{r.number}</button> },
    { name: "state", title: t("state"), width: "120px", by: (r) => (r.keep_alive.reachable ? 1 : 0), show: reached },
    { name: "source", title: t("source"), width: "minmax(160px, 1fr)", by: (r) => r.source, show: (r) => <span class="mono">{r.source}</span> },
    { name: "agent", title: t("user_agent"), width: "minmax(110px, 1.2fr)", by: (r) => r.user_agent ?? "", show: (r) => <span class="clip">{r.user_agent ?? "–"}</span> },
    { name: "nat", title: "NAT", width: "96px", by: (r) => (r.behind_nat ? 1 : 0), show: (r) => r.behind_nat ? <Badge tone="warn">{t("behind_nat")}</Badge> : "–" },
    { name: "keep", title: t("keep_alive"), width: "92px", show: (r) => word("keepalive", r.keep_alive.method) },
    { name: "rtt", title: t("round_trip"), width: "92px", right: true, by: (r) => r.keep_alive.round_trip_ms ?? -1, show: (r) => milliseconds(r.keep_alive.round_trip_ms) },
    { name: "expires", title: t("expires"), width: "84px", right: true, by: (r) => r.expires_in_s ?? Infinity, show: (r) => r.static ? <Badge>{t("static")}</Badge> : <span class="figure">{left(r, asked_at, at)}</span> },
    { name: "act", title: "", width: "40px", right: true, show: kick },
  ];
  return (
    <div class="screen fixed">
      <Head title={t("registrations")} note={page ? (is_filtered ? t("shown_of", number(total), number(Math.max(total, present?.registrations ?? 0))) : number(total)) : ""}>
        <Search value={query.get("q") ?? ""} label={t("search_registrations")} onValue={(q) => set_query({ q })} />
        <Choice label={t("state")} value={state} words={[["reachable", t("reachable")], ["unreachable", t("unreachable")], ["static", t("static")]]} onValue={(v) => set_query({ state: v })} />
      </Head>
      {error && !page && <Failed error={error} />}
      {page && !total && (is_filtered ? <Empty icon="search" title={t("nothing_fits")} /> : <Empty icon="registrations" title={t("no_registrations")} note={t("no_registrations_note")} />)}
      {total > 0 && <List label={t("registrations")} rows={rows} columns={columns} sorted={sort} open={set_open} part={part}
        card_height={104} card={(r) => <>
          <div class="card-line"><button type="button" class="link open strong" onClick={() => set_open(r)}>{r.number}</button>{reached(r)}</div>
          <div class="card-line muted"><span class="mono">{r.source}</span><span class="figure">{r.static ? t("static") : left(r, asked_at, at)}</span></div>
          <div class="card-line muted"><span class="clip">{r.user_agent ?? "–"}</span>{kick(r)}</div></>} />}
      {open && <Details row={open} asked_at={asked_at} onClose={() => set_open(null)} onKick={() => { set_kicks(open); set_open(null); }} />}
      {kicks && <Confirm title={t("kick_title", kicks.number)} text={t("kick_text")} action={t("kick")} onClose={() => set_kicks(null)}
        onConfirm={async () => { await remove(`registrations/${encodeURIComponent(kicks.id)}`); toast(t("kicked")); again(); }} />}
    </div>
  );
}

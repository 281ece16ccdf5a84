// Mapping gateways, routing gateways and phones: one screen, three kinds.
import { useState } from "preact/hooks";
import { get, may, post, Problem, put, remove, type Device, type Figures, type Traffic, type TrunkTest } from "../api";
import { ago, clock, milliseconds, number, percent } from "../format";
import { said, t, word, type Text } from "../language";
import { now, usePolled } from "../live";
import { go, place, set_query } from "../router";
import { useStore } from "../store";
import { useFound } from "../ui/found";
import { Icon } from "../ui/icons";
import { List, type Column } from "../ui/list";
import { Badge, Confirm, Dialog, Empty, Failed, Field, Head, Left, message_of, Search, toast, type Tone } from "../ui/parts";
import { open_trace } from "./trace";

export type Kind = "mapping-gateways" | "routing-gateways" | "phones";
interface KindRow { title: Text; add: Text; note: Text; icon: string; key: "name" | "number"; side: "callers" | "callees" }
const KINDS: Record<Kind, KindRow> = {
  "mapping-gateways": { title: "mapping_gateways", add: "add_mapping_gateway", note: "no_mapping_note", icon: "mapping", key: "name", side: "callers" },
  "routing-gateways": { title: "routing_gateways", add: "add_routing_gateway", note: "no_routing_note", icon: "routing", key: "name", side: "callees" },
  phones: { title: "phones", add: "add_phone", note: "no_phones_note", icon: "phones", key: "number", side: "callers" },
};

/** What the switch says of a device beside the document that was given. */
const KNOWN_ONLY = ["calls", "resolved", "changed_at", "changed_by"];

// The form's inputs are rows: how a key of the document is shown, and read back. "" leaves a key out.
interface Input { key: string; label: Text; hint?: Text; type: "text" | "number" | "lines" | "words" | "choice" | "switch" | "password"; kinds: string; choices?: [string, string][]; advanced?: boolean; required?: boolean }
const inputs = (): Input[] => [
  { key: "password", label: "password", type: "password", kinds: "p" },
  { key: "display", label: "display", type: "text", kinds: "p" },
  { key: "addresses", label: "addresses", hint: "addresses_hint", type: "lines", kinds: "m", required: true },
  { key: "address", label: "address", hint: "address_hint", type: "text", kinds: "r", required: true },
  { key: "address", label: "address", hint: "phone_address_hint", type: "text", kinds: "p", advanced: true },
  { key: "transport", label: "transport", type: "choice", kinds: "r", choices: [["", "UDP"], ["auto", t("transport_auto")], ["tcp", "TCP"], ["tls", "TLS"]] },
  { key: "prefixes", label: "prefixes", hint: "prefixes_hint", type: "words", kinds: "r", required: true },
  { key: "priority", label: "priority", hint: "priority_hint", type: "number", kinds: "r" },
  { key: "capacity", label: "capacity", type: "number", kinds: "mrp" },
  { key: "locked", label: "locked", type: "switch", kinds: "mrp", choices: [["", t("unlocked")], ["true", t("locked")]] },
  { key: "user", label: "gateway_user", hint: "gateway_user_hint", type: "text", kinds: "mr", advanced: true },
  { key: "password", label: "gateway_password", type: "password", kinds: "mr", advanced: true },
  { key: "realm", label: "gateway_realm", hint: "gateway_realm_hint", type: "text", kinds: "mr", advanced: true },
  { key: "number_rules", label: "number_rules", hint: "rules_hint", type: "lines", kinds: "mr", advanced: true },
  { key: "caller_rules", label: "caller_rules", hint: "rules_hint", type: "lines", kinds: "mr", advanced: true },
  { key: "sip_timer", label: "session_timer", type: "switch", kinds: "mrp", advanced: true, choices: [["", t("default_system")], ["true", t("yes")], ["false", t("no")]] },
  { key: "refresher", label: "refresher", type: "choice", kinds: "mrp", advanced: true, choices: [["", t("default_system")], ...["us", "them", "peer"].map((v) => [v, word("refresher", v)] as [string, string])] },
  { key: "keep_alive", label: "keep_alive", type: "choice", kinds: "mrp", advanced: true, choices: [["", t("default_system")], ...["message", "crlf", "options", "auto", "off"].map((v) => [v, word("keepalive", v)] as [string, string])] },
  { key: "keep_alive_period_s", label: "keep_alive_period", type: "number", kinds: "mrp", advanced: true },
  { key: "max_duration_s", label: "max_duration", type: "number", kinds: "mrp", advanced: true },
];

const shown = (input: Input, value: unknown): string =>
  value === undefined || value === null ? "" : Array.isArray(value) ? value.join(input.type === "words" ? " " : "\n") : String(value);

function read(input: Input, text: string): unknown {
  const lines = text.split(input.type === "words" ? /[\s,]+/ : /\n/).map((line) => line.trim()).filter(Boolean);
  if (input.type === "lines" || input.type === "words") return lines.length ? lines : undefined;
  if (text === "") return undefined;
  if (input.type === "number") return Number(text);
  return input.type === "switch" ? text === "true" : text;
}

function DeviceForm({ kind, device, onClose, onDone }: { kind: Kind; device: Device | null; onClose: () => void; onDone: () => void }) {
  const row = KINDS[kind];
  const [problem, set_problem] = useState<Problem | null>(null);
  const mine = inputs().filter((input) => input.kinds.includes(kind[0]));
  const error_of = (key: string) => problem?.pointer.split("/")[1] === key ? said(problem.message) : undefined;
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const name = device ? String(device[row.key]) : String(form.get("$name")).trim();
    const document: Record<string, unknown> = { ...device };
    for (const known of KNOWN_ONLY) delete document[known];
    document[row.key] = name;
    for (const input of mine) {
      const value = read(input, String(form.get(input.key) ?? ""));
      if (value === undefined) delete document[input.key];
      else document[input.key] = value;
    }
    try {
      await put(`${kind}/${encodeURIComponent(name)}`, document);
      toast(t("saved", name));
      onDone();
      onClose();
    } catch (error) {
      set_problem(error instanceof Problem ? error : new Problem(0, message_of(error)));
    }
  };
  const control = (input: Input) => (
    <Field key={input.key} label={t(input.label)} error={error_of(input.key)}
      hint={input.type === "password" && (kind === "phones" ? device : device?.user) ? t("password_keep") : input.hint && t(input.hint)}>
      {(p) => {
        const value = shown(input, device?.[input.key]);
        if (input.choices) return <select {...p} name={input.key}>{input.choices.map(([v, label]) => <option value={v} selected={v === value || (input.key === "locked" && value === "false" && v === "")}>{label}</option>)}</select>;
        if (input.type === "lines") return <textarea {...p} name={input.key} rows={3} spellcheck={false} required={input.required}>{value}</textarea>;
        return <input {...p} name={input.key} defaultValue={value} required={input.required || (input.type === "password" && kind === "phones" && !device)} spellcheck={false}
          type={input.type === "password" ? "password" : "text"} inputMode={input.type === "number" ? "numeric" : undefined}
          pattern={input.type === "number" ? "[0-9]*" : undefined} autocomplete={input.type === "password" ? "new-password" : "off"} />;
      }}
    </Field>
  );
  const is_placed = mine.some((input) => error_of(input.key));
  return (
    <Dialog title={device ? t("edit_device", String(device[row.key])) : t(row.add)} onClose={onClose} actions={<>
      <button type="button" onClick={onClose}>{t("cancel")}</button>
      <button type="submit" class="primary" form="device-form">{t("save")}</button></>}>
      <form id="device-form" onSubmit={submit} class="form-grid">
        {!device && <Field label={t(row.key)} hint={t("name_hint")}>{(p) => <input {...p} name="$name" required spellcheck={false} autocomplete="off" />}</Field>}
        {mine.filter((input) => !input.advanced).map(control)}
        <details open={!!problem && mine.some((input) => input.advanced && error_of(input.key))}>
          <summary>{t("advanced")}</summary>
          <div class="form-grid">{mine.filter((input) => input.advanced).map(control)}</div>
        </details>
        {problem && !is_placed && <p class="field-error" role="alert">{said(problem.message) || t("no_network")}</p>}
      </form>
    </Dialog>
  );
}

const VERDICT_TONE: Record<string, Tone> = { works: "good", refused: "warn", unanswered: "bad" };

/** What the far side of a routing gateway can do, found out by calling it. */
function TrunkTestDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const path = `routing-gateways/${encodeURIComponent(name)}/test`;
  const [problem, set_problem] = useState("");
  const { value: report, again } = usePolled(() => get<TrunkTest>(path).catch(() => null), 1000, [name]);
  const runs = !!report && report.state !== "done";
  const begin = async (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const word_of = (key: string) => String(form.get(key) ?? "").trim();
    try {
      await post(path, { number: word_of("number"), ...(word_of("caller") ? { caller: word_of("caller") } : {}) });
      set_problem("");
    } catch (error) { set_problem(message_of(error) || t("no_network")); }
    again();
  };
  return (
    <Dialog title={t("trunk_test_title", name)} wide onClose={onClose} actions={<>
      {report?.id && report.state === "done" && <button type="button" onClick={() => go(`/cdrs?id=${encodeURIComponent(report.id)}`)}>{t("show_record")}</button>}
      {report?.id && <button type="button" onClick={() => open_trace(report.id)}><Icon name="trace" /> {t("trace_open")}</button>}
      <button type="submit" class="primary" form="trunk-test" disabled={runs}>{t(report && !runs ? "trunk_test_again" : "trunk_test_begin")}</button></>}>
      <form id="trunk-test" class="form-grid" onSubmit={begin}>
        <p class="muted">{t("trunk_test_note")}</p>
        <Field label={t("trunk_test_number")}>{(p) => <input {...p} name="number" defaultValue={report?.number ?? ""} inputMode="tel" spellcheck={false} autocomplete="off" />}</Field>
        <Field label={t("trunk_test_caller")}>{(p) => <input {...p} name="caller" inputMode="tel" spellcheck={false} autocomplete="off" />}</Field>
        {problem && <p class="field-error" role="alert">{problem}</p>}
      </form>
      {report && <section class="trunk-report" aria-live="polite">
        <p class={runs ? "muted" : "finding-detail"}>{runs ? t("trunk_test_running") : said(report.conclusion)}</p>
        <ul class="checks">{report.checks.map((check) => (
          <li key={check.name} title={said(check.meaning)}><span>{word("check", check.name)}</span><Badge tone={VERDICT_TONE[check.verdict]}>{word("verdict", check.verdict)}</Badge>
            <span class="muted figure">{check.status ? `${check.status} · ${milliseconds(check.answered_in_ms)}` : ""}</span></li>))}</ul>
        <dl class="pairs">
          <dt>{t("trunk_test_far")}</dt><dd>{report.user_agent || "–"} <span class="muted mono">{report.address}</span></dd>
          <dt>{t("trunk_test_timer")}</dt><dd>{report.timer.interval_s ? `${report.timer.interval_s} s, ${word("refresher", report.timer.refresher)}` : t("trunk_test_no_timer")}</dd>
          {report.timer.min_se_s !== null && <><dt>{t("trunk_test_min_se")}</dt><dd>{report.timer.min_se_s} s</dd></>}
          <dt>{t("trunk_test_reliable")}</dt><dd>{t(report.reliable_provisional.supported ? "yes" : "no")}</dd>
          {report.allow && <><dt>Allow</dt><dd class="mono break">{report.allow}</dd></>}
        </dl></section>}
    </Dialog>
  );
}

export function Devices({ kind }: { kind: Kind }) {
  const row = KINDS[kind];
  const { query } = useStore(place);
  const at = useStore(now);
  const words = (query.get("q") ?? "").trim();
  const [edits, set_edits] = useState<Device | "new" | null>(null);
  const [removes, set_removes] = useState<string | null>(null);
  const [tests, set_tests] = useState<string | null>(null);
  const { page, rows, total, error, again, sort, part } = useFound<Device>(kind, { q: words }, "name", 3000);
  const traffic = usePolled(() => get<Traffic>("traffic"), kind === "phones" ? 0 : 5000).value?.[row.side] ?? {};
  const name_of = (device: Device) => String(device[row.key]);
  const figures = (device: Device): Figures | undefined => traffic[name_of(device)];

  const lines = (device: Device) => device.capacity
    ? <span class="lines"><Left part={device.calls / device.capacity} tone={device.calls >= device.capacity ? "bad" : "good"} /><span>{t("lines_used", number(device.calls), number(device.capacity))}</span></span>
    : <span>{number(device.calls)}</span>;
  const where = (device: Device) => (device.addresses as string[] | undefined)?.join(", ") ?? (device.address as string) ?? (device.display as string) ?? "–";
  const lock = (device: Device) => device.locked ? <Badge tone="warn"><Icon name="lock" size={13} /> {t("locked")}</Badge> : <Badge tone="good">{t("unlocked")}</Badge>;
  const act = (device: Device) => may("operator") && <span class="acts">
    {kind === "routing-gateways" && <button type="button" class="quiet square" aria-label={t("trunk_test_title", name_of(device))} title={t("trunk_test")} onClick={() => set_tests(name_of(device))}><Icon name="doctor" /></button>}
    <button type="button" class="quiet square" aria-label={t("edit_device", name_of(device))} title={t("edit")} onClick={() => set_edits(device)}><Icon name="edit" /></button>
    <button type="button" class="quiet square danger-text" aria-label={`${t("remove")} ${name_of(device)}`} title={t("remove")} onClick={() => set_removes(name_of(device))}><Icon name="trash" /></button></span>;
  const open = (device: Device) => may("operator") && set_edits(device);
  const title = (device: Device) => may("operator")
    ? <button type="button" class="link open strong" onClick={() => open(device)}>{name_of(device)}</button> : <strong>{name_of(device)}</strong>;

  const columns: Column<Device>[] = [
    { name: "name", title: t(row.key), width: "minmax(120px, 1fr)", by: name_of, show: title },
    { name: "where", title: t(kind === "phones" ? "display" : "address"), width: "minmax(150px, 1.4fr)", by: where, show: (d) => <span class={`clip ${kind === "phones" ? "" : "mono"}`}>{where(d)}</span> },
    ...(kind === "routing-gateways" ? [
      { name: "prefixes", title: t("prefixes"), width: "minmax(80px, .8fr)", show: (d: Device) => <span class="clip mono">{(d.prefixes as string[] ?? []).join(" ")}</span> },
      { name: "priority", title: t("priority"), width: "76px", right: true, by: (d: Device) => Number(d.priority ?? 0), show: (d: Device) => number(Number(d.priority ?? 0)) },
    ] : []),
    { name: "state", title: t("state"), width: "92px", by: (d) => (d.locked ? 1 : 0), show: lock },
    { name: "lines", title: t("capacity"), width: "136px", by: (d) => d.calls, show: lines },
    ...(kind === "phones" ? [] : [
      { name: "asr", title: "ASR", width: "68px", right: true, by: (d: Device) => figures(d)?.asr_percent ?? -1, show: (d: Device) => percent(figures(d)?.asr_percent) },
      { name: "acd", title: "ACD", width: "60px", right: true, by: (d: Device) => figures(d)?.acd_s ?? -1, show: (d: Device) => clock(figures(d)?.acd_s) },
      { name: "pdd", title: "PDD", width: "64px", right: true, by: (d: Device) => figures(d)?.pdd_ms ?? -1, show: (d: Device) => milliseconds(figures(d)?.pdd_ms) },
    ]),
    ...(kind === "routing-gateways" ? [] : [
      { name: "changed", title: t("changed"), width: "118px", by: (d: Device) => d.changed_at ?? "", show: (d: Device) => <span class="muted" title={`${d.changed_at} ${t("by", word("by", d.changed_by))}`}>{ago(d.changed_at, at)}</span> },
    ]),
    { name: "act", title: "", width: kind === "routing-gateways" ? "112px" : "76px", right: true, show: act },
  ];
  return (
    <div class="screen fixed">
      <Head title={t(row.title)} note={page ? number(total) : ""}>
        <Search value={query.get("q") ?? ""} label={t("search_devices")} onValue={(q) => set_query({ q })} />
        {may("operator") && <button type="button" class="primary" onClick={() => set_edits("new")}><Icon name="plus" /> {t("add")}</button>}
      </Head>
      {error && !page && <Failed error={error} />}
      {page && !total && (words ? <Empty icon="search" title={t("nothing_fits")} /> : <Empty icon={row.icon} title={t("no_devices")} note={t(row.note)} />)}
      {total > 0 && <List label={t(row.title)} rows={rows} columns={columns} sorted={sort} open={open} part={part} card_height={kind === "phones" ? 84 : 116}
        card={(d) => <>
          <div class="card-line">{title(d)}{lock(d)}</div>
          <div class="card-line muted"><span class={`clip ${kind === "phones" ? "" : "mono"}`}>{where(d)}</span>{kind === "phones" ? act(d) : lines(d)}</div>
          {kind !== "phones" && <div class="card-line muted"><span>ASR {percent(figures(d)?.asr_percent)} · ACD {clock(figures(d)?.acd_s)}</span>{act(d)}</div>}</>} />}
      {edits && <DeviceForm kind={kind} device={edits === "new" ? null : edits} onClose={() => set_edits(null)} onDone={again} />}
      {tests && <TrunkTestDialog name={tests} onClose={() => set_tests(null)} />}
      {removes && <Confirm title={t("remove_title", removes)} text={t("remove_text")} action={t("remove")} onClose={() => set_removes(null)}
        onConfirm={async () => { await remove(`${kind}/${encodeURIComponent(removes)}`); toast(t("removed", removes)); again(); }} />}
    </div>
  );
}

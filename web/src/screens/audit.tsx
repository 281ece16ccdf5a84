import { get, type AuditEntry, type Page } from "../api";
import { stamp } from "../format";
import { t, word } from "../language";
import { usePolled } from "../live";
import { List, type Column } from "../ui/list";
import { Empty, Failed, Head } from "../ui/parts";

function what(entry: AuditEntry): string {
  if (entry.what.startsWith("sign-in")) return word("audit", entry.what.replace(/[- ]/g, "_"));
  const file = /^apply (.*) (at the start|on SIGHUP)$/.exec(entry.what);
  if (file) return t(file[2] === "on SIGHUP" ? "audit_file_again" : "audit_file", file[1]!);
  return entry.what.replace("/api/v1/", "").replace("PUT ", `${t("edit")} `).replace("DELETE ", `${t("remove")} `).replace("POST ", "");
}

function change(entry: AuditEntry): string {
  const c = entry.change;
  if (c === null || c === undefined) return "";
  if (c.parameter) return `${c.from} → ${c.to}`;
  return c.parameters ? c.parameters.map((one: any) => `${one.parameter} ${one.from} → ${one.to}`).join(", ") : JSON.stringify(c);
}

export function Audit() {
  const { value, error } = usePolled(() => get<Page<AuditEntry>>("audit?limit=1000"), 10000);
  const entries = value?.items;
  const columns: Column<AuditEntry>[] = [
    { name: "when", title: t("when"), width: "170px", show: (e) => <span class="figure">{stamp(e.at)}</span> },
    { name: "who", title: t("who"), width: "minmax(120px, .6fr)", by: (e) => e.by, show: (e) => <strong>{word("by", e.by)}</strong> },
    { name: "from", title: t("from_where"), width: "130px", by: (e) => e.from, show: (e) => <span class="mono">{e.from}</span> },
    { name: "what", title: t("what"), width: "minmax(220px, 1.2fr)", by: what, show: (e) => <span class="clip" title={e.what}>{what(e)}</span> },
    { name: "change", title: t("change"), width: "minmax(160px, 1.4fr)", show: (e) => <span class="clip mono small" title={change(e)}>{change(e)}</span> },
  ];
  return (
    <div class="screen fixed">
      <Head title={t("audit")} />
      {error && !entries && <Failed error={error} />}
      {entries && !entries.length && <Empty icon="audit" title={t("no_audit")} />}
      {entries && entries.length > 0 && <List label={t("audit")} rows={entries} columns={columns} card_height={92}
        card={(e) => <>
          <div class="card-line"><strong>{word("by", e.by)}</strong><span class="figure muted">{stamp(e.at)}</span></div>
          <div class="card-line"><span class="clip">{what(e)}</span></div>
          <div class="card-line muted"><span class="clip mono small">{change(e)}</span><span class="mono small">{e.from}</span></div></>} />}
    </div>
  );
}

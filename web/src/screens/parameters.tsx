import { useEffect, useState } from "preact/hooks";
import { get, may, post, put, type AuditEntry, type Page, type Parameter, type Preset } from "../api";
import { ago, span, stamp } from "../format";
import { in_words, learn_parameters, said as in_language, t, word, type Text } from "../language";
import { now } from "../live";
import { language } from "../preferences";
import { place, set_query } from "../router";
import { useStore } from "../store";
import { allowed_in_chinese } from "../text/zh";
import { Icon } from "../ui/icons";
import { Badge, Confirm, Empty, Failed, Field, Head, message_of, Search, toast } from "../ui/parts";

const with_unit = (value: number | string, parameter: Parameter) =>
  value === "" ? "“”" : typeof value === "number" && parameter.unit ? `${value} ${word("unit", parameter.unit)}` : String(value);
const differs = (parameter: Parameter) => String(parameter.value) !== String(parameter.default);
const group_name = (group: string) => word("group", group.replace(/[^A-Za-z]/g, "_"));
const allowed_of = ({ allowed }: Parameter) => (language.get() === "zh" ? allowed_in_chinese(allowed) : allowed);

function Changes({ name, changed_at }: { name: string; changed_at: string | null }) {
  const [entries, set_entries] = useState<AuditEntry[]>([]);
  useEffect(() => {
    get<Page<AuditEntry>>("audit?limit=1000").then((page) => set_entries(page.items.flatMap((entry) => {
      const changes: { parameter?: string }[] = entry.change?.parameters ?? [entry.change ?? {}];
      return changes.filter((change) => change.parameter === name).map((change) => ({ ...entry, change }));
    })), () => {});
  }, [name, changed_at]);
  return (
    <div class="changes"><h3>{t("history")}</h3>
      {entries.length ? <ul>{entries.slice(0, 8).map((entry) => (
        <li><span class="mono">{String(entry.change.from)} → <strong>{String(entry.change.to)}</strong></span>
          <span class="muted">{t("changed_by_at", stamp(entry.at), word("by", entry.by))}</span></li>))}</ul>
        : <p class="muted">{t("no_history")}</p>}
    </div>
  );
}

/** What the value that is being typed would change, as the switch says it. */
function Effect({ name, value, present }: { name: string; value: string; present: string }) {
  const [said, set_said] = useState<{ text: string; is_refused: boolean } | null>(null);
  useEffect(() => {
    set_said(null);
    if (value === present) return;
    let alive = true;
    const timer = setTimeout(() => get<{ effect: string }>(`parameters/${name}/effect?value=${encodeURIComponent(value)}`).then(
      (answer) => alive && set_said({ text: in_language(answer.effect), is_refused: false }),
      (error) => alive && set_said(error.status === 400 ? { text: message_of(error), is_refused: true } : null)), 250);
    return () => { alive = false; clearTimeout(timer); };
  }, [name, value, present]);
  return <div class="effect-place" aria-live="polite">{said && (
    <p class={`effect ${said.is_refused ? "refused" : ""}`}><Icon name={said.is_refused ? "alarm" : "arrow"} size={16} /> <span>{said.text}</span></p>)}</div>;
}

function Editor({ parameter, onSaved }: { parameter: Parameter; onSaved: (parameter: Parameter) => void }) {
  const [value, set_value] = useState(String(parameter.value));
  const [error, set_error] = useState("");
  const [busy, set_busy] = useState(false);
  const can = may("admin");
  useEffect(() => set_value(String(parameter.value)), [parameter.value]);
  const save = async (text: string) => {
    set_busy(true);
    try {
      const is_whole = parameter.type === "number" && /^\d{1,15}$/.test(text.trim());
      const saved = await put<Parameter>(`parameters/${parameter.name}`, { value: is_whole ? Number(text) : text });
      set_error("");
      toast(t("parameter_saved", parameter.name, with_unit(saved.value, saved)));
      onSaved(saved);
    } catch (problem) {
      set_error(message_of(problem));
    }
    set_busy(false);
  };
  const choices = parameter.type === "switch" ? ["On", "Off"] : parameter.type === "choice" ? (parameter.choices ?? "").split(" ") : null;
  return (
    <form class="editor" onSubmit={(event) => { event.preventDefault(); save(value); }}>
      <p class="description">{in_words(parameter)[1]}</p>
      {can ? (
        <div class="editor-line">
          <Field label={`${t("value")}${parameter.unit ? ` (${word("unit", parameter.unit)})` : ""}`} hint={t("allowed_is", allowed_of(parameter))} error={error}>
            {(p) => choices
              ? <select {...p} value={value} onChange={(event) => set_value(event.currentTarget.value)}>{choices.map((choice) => <option value={choice}>{word("choice", choice)}</option>)}</select>
              : <input {...p} class="mono" value={value} onInput={(event) => set_value(event.currentTarget.value)} spellcheck={false} autocomplete="off"
                  inputMode={parameter.type === "number" ? "numeric" : undefined} />}
          </Field>
          <button type="submit" class="primary" disabled={busy || value === String(parameter.value)}>{t("save")}</button>
          <button type="button" disabled={busy || !differs(parameter)} onClick={() => save(String(parameter.default))}>{t("set_default")}</button>
        </div>
      ) : <p class="muted">{t("read_only")}</p>}
      {can && <Effect name={parameter.name} value={value} present={String(parameter.value)} />}
      {parameter.name.startsWith("SS_") && <p class="muted small where">{t("where_in_vos")}</p>}
      <Changes name={parameter.name} changed_at={parameter.changed_at} />
    </form>
  );
}

function Presets({ presets, parameters, onApply }: { presets: Preset[]; parameters: Parameter[]; onApply: (preset: Preset) => void }) {
  const value_of = (name: string) => parameters.find((parameter) => parameter.name === name)?.value;
  return (
    <section class="presets" aria-label={t("presets")}>{presets.map((preset) => {
      const is_same = Object.entries(preset.values).every(([name, value]) => value_of(name) === value);
      const id = preset.name.replace(/-/g, "_");
      return (
        <article class={is_same ? "same" : ""}>
          <h2>{word("preset", id)}</h2><p>{t(`preset_for_${id}` as Text)}</p>
          <dl class="preset-values">{(["preset_ttl", "preset_cap", "preset_keep"] as const).map((name, i) => {
            const value = Object.values(preset.values)[i];
            return <div><dt>{t(name)}</dt><dd>{value ? span(value) : t("no_limit")}</dd></div>;
          })}</dl>
          {is_same ? <Badge tone="good"><Icon name="check" size={13} /> {t("preset_same")}</Badge>
            : may("admin") && <button type="button" onClick={() => onApply(preset)} aria-label={`${t("preset_apply")} ${word("preset", id)}`}>{t("preset_apply")}</button>}
        </article>
      );
    })}</section>
  );
}

export function Parameters() {
  const { query } = useStore(place);
  const at = useStore(now);
  const [parameters, set_parameters] = useState<Parameter[] | null>(null);
  const [presets, set_presets] = useState<Preset[]>([]);
  const [error, set_error] = useState<unknown>(null);
  const [applies, set_applies] = useState<Preset | null>(null);
  const load = () => Promise.all([get<Page<Parameter>>("parameters"), learn_parameters()]).then(([page]) => set_parameters(page.items), set_error);
  useEffect(() => {
    load();
    get<Page<Preset>>("presets").then((page) => set_presets(page.items), () => {});
  }, []);
  const words = (query.get("q") ?? "").trim().toLowerCase();
  const only = query.get("differs") === "1";
  const open = query.get("name");
  const shown = (parameters ?? []).filter((parameter) => (!only || differs(parameter)) && (!words ||
    [parameter.name, parameter.summary, parameter.description, ...in_words(parameter)].some((text) => text.toLowerCase().includes(words))));
  const groups = [...new Set(shown.map((parameter) => parameter.group))];
  const count = (parameters ?? []).filter(differs).length;
  return (
    <div class="screen">
      <Head title={t("parameters")} note={parameters ? t("differ_count", count) : ""}>
        <Search value={query.get("q") ?? ""} label={t("search_parameters")} onValue={(q) => set_query({ q })} />
        <label class="check"><input type="checkbox" checked={only} onChange={(event) => set_query({ differs: event.currentTarget.checked ? "1" : "" })} /> {t("only_changed")}</label>
      </Head>
      {!!error && <Failed error={error} />}
      {parameters && !words && !only && <Presets presets={presets} parameters={parameters} onApply={set_applies} />}
      {parameters && !shown.length && <Empty icon="parameters" title={t("no_parameters")} />}
      {groups.map((group) => (
        <section class="parameter-group"><h2>{group_name(group)}</h2>
          {shown.filter((parameter) => parameter.group === group).map((parameter) => {
            const is_open = open === parameter.name;
            return (
              <article class={`parameter ${is_open ? "is-open" : ""}`} key={parameter.name}>
                <button type="button" class="parameter-head" aria-expanded={is_open} onClick={() => set_query({ name: is_open ? "" : parameter.name })}>
                  <span class="parameter-name"><span class="mono">{parameter.name}</span><span class="parameter-summary">{in_words(parameter)[0]}</span></span>
                  <span class="parameter-value"><strong class="mono">{with_unit(parameter.value, parameter)}</strong>
                    {differs(parameter) ? <Badge tone="info">{t("differs")}</Badge> : null}
                    <span class="muted small">{t("default_is", with_unit(parameter.default, parameter))}</span>
                    {parameter.changed_at && <span class="muted small">{t("changed_by_at", ago(parameter.changed_at, at), word("by", parameter.changed_by))}</span>}</span>
                </button>
                {is_open && <Editor parameter={parameter} onSaved={(saved) => { set_parameters((before) => before!.map((other) => other.name === saved.name ? saved : other)); load(); }} />}
              </article>
            );
          })}
        </section>
      ))}
      {applies && <Confirm danger={false} title={t("preset_title", word("preset", applies.name))} text={t("preset_text")} action={t("preset_apply")} onClose={() => set_applies(null)}
        onConfirm={async () => { set_parameters((await post<Page<Parameter>>(`presets/${applies.name}`)).items); toast(t("preset_done", word("preset", applies.name))); }}>
        <ul class="preset-changes">{Object.entries(applies.values).map(([name, value]) => {
          const present = parameters?.find((parameter) => parameter.name === name);
          return <li><span class="mono">{name}</span><span class="mono">{present && present.value !== value ? <>{String(present.value)} → <strong>{value}</strong></> : value}</span></li>;
        })}</ul></Confirm>}
    </div>
  );
}

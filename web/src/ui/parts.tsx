// Small things that many screens use.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api";
import { said, t } from "../language";
import { createStore, useStore } from "../store";
import { Icon } from "./icons";

export type Tone = "good" | "warn" | "bad" | "info" | "plain";

export function Badge({ tone = "plain", children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function Empty({ title, note, icon, children }: { title: string; note?: string; icon: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="empty-icon"><Icon name={icon} size={26} /></span>
      <p class="empty-title">{title}</p>
      {note && <p class="empty-note">{note}</p>}
      {children}
    </div>
  );
}

export function message_of(error: unknown): string {
  return error instanceof Problem && error.message ? said(error.message) : t("no_network");
}

export function Failed({ error }: { error: unknown }) {
  return <p class="failed" role="alert"><Icon name="alarm" /> {message_of(error)}</p>;
}

export function Search({ value, label, onValue }: { value: string; label: string; onValue: (value: string) => void }) {
  return (
    <label class="search">
      <Icon name="search" size={16} />
      <input type="search" value={value} placeholder={label} aria-label={label} spellcheck={false} autocomplete="off"
        onInput={(event) => onValue(event.currentTarget.value)} />
    </label>
  );
}

/** A filter with few values; the first of them is all. */
export function Choice({ label, value, words, onValue }: { label: string; value: string; words: string[][]; onValue: (value: string) => void }) {
  return (
    <select class="head-choice" aria-label={label} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
      <option value="">{label}: {t("all")}</option>
      {words.map(([name, title]) => <option value={name}>{title}</option>)}
    </select>
  );
}

export function Head({ title, note, children }: { title: string; note?: ComponentChildren; children?: ComponentChildren }) {
  useEffect(() => { document.title = `${title} · Belfry`; }, [title]);
  return (
    <header class="head">
      <div class="head-title"><h1>{title}</h1>{note !== undefined && <span class="head-note" aria-live="off">{note}</span>}</div>
      {children && <div class="head-tools">{children}</div>}
    </header>
  );
}

let fields = 0;
interface FieldProps {
  label: string;
  hint?: string;
  error?: string;
  wide?: boolean;
  children: (props: { id: string; "aria-describedby"?: string; "aria-invalid"?: boolean }) => ComponentChildren;
}
export function Field({ label, hint, error, wide, children }: FieldProps) {
  const [id] = useState(() => `field-${++fields}`);
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
  return (
    <div class={wide ? "field wide" : "field"}>
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": described, "aria-invalid": error ? true : undefined })}
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
      {error && <p class="field-error" id={`${id}-error`} role="alert">{error}</p>}
    </div>
  );
}

interface DialogProps { title: string; wide?: boolean; onClose: () => void; children: ComponentChildren; actions?: ComponentChildren }
/** A modal dialogue: the browser keeps the focus inside and closes it on Escape. */
export function Dialog({ title, wide, onClose, children, actions }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current!;
    const before = document.activeElement as HTMLElement | null;
    dialog.showModal();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  return (
    <dialog ref={element} class={wide ? "wide" : ""} aria-labelledby="dialog-title"
      onCancel={(event) => { event.preventDefault(); onClose(); }}
      onMouseDown={(event) => event.target === element.current && onClose()}>
      <div class="dialog-frame">
        <header><h2 id="dialog-title">{title}</h2>
          <button type="button" class="quiet square" aria-label={t("close")} onClick={onClose}><Icon name="close" /></button></header>
        <div class="dialog-body" tabIndex={0}>{children}</div>
        {actions && <footer>{actions}</footer>}
      </div>
    </dialog>
  );
}

interface ConfirmProps { title: string; text: string; action: string; danger?: boolean; onClose: () => void; onConfirm: () => Promise<void>; children?: ComponentChildren }
export function Confirm({ title, text, action, danger = true, onClose, onConfirm, children }: ConfirmProps) {
  const [error, set_error] = useState("");
  const [busy, set_busy] = useState(false);
  const confirm = async () => {
    set_busy(true);
    try {
      await onConfirm();
      onClose();
    } catch (problem) {
      set_error(message_of(problem));
      set_busy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} actions={<>
      <button type="button" onClick={onClose}>{t("cancel")}</button>
      <button type="button" class={danger ? "danger" : "primary"} disabled={busy} onClick={confirm}>{action}</button>
    </>}>
      <p>{text}</p>
      {children}
      {error && <p class="field-error" role="alert">{error}</p>}
    </Dialog>
  );
}

const toasts = createStore<{ text: string; number: number } | null>(null);
let toast_number = 0;
export function toast(text: string): void {
  const number = ++toast_number;
  toasts.set({ text, number });
  setTimeout(() => toasts.get()?.number === number && toasts.set(null), 5000);
}
export function Toasts() {
  const present = useStore(toasts);
  return <div class="toasts" role="status">{present && <p key={present.number}><Icon name="check" /> {present.text}</p>}</div>;
}

/** How much of a time is left, as a bar that runs empty. */
export function Left({ part, tone = "info" }: { part: number; tone?: Tone }) {
  const width = Math.max(0, Math.min(1, part)) * 100;
  return <span class={`left ${tone}`} aria-hidden="true"><span style={{ width: `${width}%` }} /></span>;
}

export function useMedia(query: string): boolean {
  const [match, set_match] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const change = () => set_match(list.matches);
    list.addEventListener("change", change);
    return () => list.removeEventListener("change", change);
  }, [query]);
  return match;
}

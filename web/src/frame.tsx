// What stands around every screen: where one can go, who one is, theme and language.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { may, put, remove, session } from "./api";
import { t, word, type Text } from "./language";
import { is_connected, status } from "./live";
import { number, span } from "./format";
import { language, set_language, set_theme, theme } from "./preferences";
import { follow, place } from "./router";
import { useStore } from "./store";
import { Bell, Icon } from "./ui/icons";
import { Dialog, Field, message_of, toast } from "./ui/parts";

interface Entry { path: string; name: Text; icon: string; count?: () => number | undefined; admin?: boolean }
const GROUPS: { name: Text; entries: Entry[] }[] = [
  { name: "group_live", entries: [
    { path: "/", name: "overview", icon: "overview" },
    { path: "/calls", name: "calls", icon: "calls", count: () => status.get()?.calls.current },
    { path: "/registrations", name: "registrations", icon: "registrations", count: () => status.get()?.registrations },
  ] },
  { name: "group_devices", entries: [
    { path: "/mapping-gateways", name: "mapping_gateways", icon: "mapping" },
    { path: "/routing-gateways", name: "routing_gateways", icon: "routing" },
    { path: "/phones", name: "phones", icon: "phones" },
  ] },
  { name: "group_diagnosis", entries: [
    { path: "/cdrs", name: "cdrs", icon: "cdrs" },
    { path: "/trace", name: "trace", icon: "trace" },
    { path: "/doctor", name: "doctor", icon: "doctor" },
  ] },
  { name: "group_system", entries: [
    { path: "/parameters", name: "parameters", icon: "parameters" },
    { path: "/users", name: "users", icon: "users", admin: true },
    { path: "/audit", name: "audit", icon: "audit" },
  ] },
];

export function Preferences() {
  const present = useStore(theme);
  const other = present === "dark" ? "light" : "dark";
  return <>
    <button type="button" class="quiet" lang={language.get() === "zh" ? "en" : "zh"} title={t("language_label")}
      onClick={() => set_language(language.get() === "zh" ? "en" : "zh")}>{t("language")}</button>
    <button type="button" data-switch="theme" class="quiet square" aria-label={t(other === "dark" ? "theme_dark" : "theme_light")}
      title={t(other === "dark" ? "theme_dark" : "theme_light")} onClick={() => set_theme(other)}>
      <Icon name={other === "dark" ? "moon" : "sun"} /></button>
  </>;
}

function PasswordDialog({ onClose }: { onClose: () => void }) {
  const [error, set_error] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    try {
      await put("session/password", { old: form.get("old"), new: form.get("new") });
      toast(t("password_changed"));
      onClose();
    } catch (problem) {
      set_error(message_of(problem));
    }
  };
  return (
    <Dialog title={t("change_password")} onClose={onClose} actions={<>
      <button type="button" onClick={onClose}>{t("cancel")}</button>
      <button type="submit" class="primary" form="password-form">{t("save")}</button></>}>
      <form id="password-form" onSubmit={submit}>
        <Field label={t("old_password")}>{(p) => <input {...p} name="old" type="password" autocomplete="current-password" required />}</Field>
        <Field label={t("new_password")} hint={t("password_hint")} error={error}>
          {(p) => <input {...p} name="new" type="password" autocomplete="new-password" minLength={10} required />}</Field>
      </form>
    </Dialog>
  );
}

function Rail({ onGo }: { onGo: () => void }) {
  const { path } = useStore(place);
  const present = useStore(status);
  const who = session.get()!;
  const [changes_password, set_changes_password] = useState(false);
  const is_user = !["token", "control"].includes(who.user);
  return (
    <div class="rail-frame">
      <a class="brand" href="/" onClick={(event) => { follow(event); onGo(); }}>
        <Bell /><span><strong>Belfry</strong><small>{t("console")}</small></span></a>
      <nav aria-label={t("menu")}>
        {GROUPS.map((group) => (
          <div class="nav-group">
            <p>{t(group.name)}</p>
            <ul>{group.entries.filter((entry) => !entry.admin || may("admin")).map((entry) => {
              const count = entry.count?.();
              return (
                <li><a href={entry.path} aria-current={path === entry.path ? "page" : undefined}
                  onClick={(event) => { follow(event); onGo(); }}>
                  <Icon name={entry.icon} /><span>{t(entry.name)}</span>
                  {count ? <span class="count">{number(count)}</span> : null}</a></li>
              );
            })}</ul>
          </div>
        ))}
      </nav>
      <div class="rail-foot">
        <div class="who"><span class="who-is"><span class="who-name" title={t("signed_in_as", who.user)}>{is_user ? who.user : word("by", who.user)}</span>
          <span class="who-role">{word("role", who.role)}</span></span>
          {is_user && <button type="button" class="quiet square" aria-label={t("change_password")} title={t("change_password")}
            onClick={() => set_changes_password(true)}><Icon name="key" /></button>}
          <button type="button" class="quiet square" aria-label={t("sign_out")} title={t("sign_out")}
            onClick={() => remove("session").finally(() => session.set(null))}><Icon name="out" /></button></div>
        <div class="rail-tools"><Preferences /></div>
        <p class="rail-version">{t("version", who.version)}{present ? ` · ${t("up_for", span(present.uptime_s))}` : ""}</p>
      </div>
      {changes_password && <PasswordDialog onClose={() => set_changes_password(false)} />}
    </div>
  );
}

export function Frame({ children }: { children: ComponentChildren }) {
  const [is_open, set_open] = useState(false);
  const connected = useStore(is_connected);
  const { path } = useStore(place);
  useEffect(() => {
    const close = (event: KeyboardEvent) => event.key === "Escape" && set_open(false);
    addEventListener("keydown", close);
    return () => removeEventListener("keydown", close);
  }, []);
  return (
    <>
      <a class="skip" href="#content">{t("skip")}</a>
      <header class="bar">
        <button type="button" class="quiet square" aria-label={t("menu")} aria-expanded={is_open} aria-controls="rail"
          onClick={() => set_open(!is_open)}><Icon name={is_open ? "close" : "menu"} size={22} /></button>
        <Bell size={28} /><strong>Belfry</strong><span class="bar-tools"><Preferences /></span>
      </header>
      <aside id="rail" class={`rail ${is_open ? "open" : ""}`}><Rail onGo={() => set_open(false)} /></aside>
      {is_open && <div class="veil" onClick={() => set_open(false)} />}
      <main id="content" key={path} tabIndex={-1}>
        {!connected && <p class="lost" role="alert"><Icon name="alarm" /> {t("connection_lost")}</p>}
        {children}
      </main>
    </>
  );
}

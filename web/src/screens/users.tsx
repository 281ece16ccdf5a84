import { useState } from "preact/hooks";
import { get, put, remove, type Page, type Role, type Token, type User } from "../api";
import { ago } from "../format";
import { t, word } from "../language";
import { now, usePolled } from "../live";
import { useStore } from "../store";
import { Icon } from "../ui/icons";
import { List, type Column } from "../ui/list";
import { Badge, Confirm, Dialog, Empty, Failed, Field, Head, message_of, toast, type Tone } from "../ui/parts";

const ROLES: Role[] = ["viewer", "operator", "admin"];
const TONES: Record<Role, Tone> = { viewer: "plain", operator: "info", admin: "warn" };

const role_choice = (p: object, present: Role) => (
  <select {...p} name="role">{ROLES.map((role) => <option value={role} selected={role === present}>{word("role", role)}</option>)}</select>);

function UserForm({ user, onClose, onDone }: { user: User | null; onClose: () => void; onDone: () => void }) {
  const [error, set_error] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const name = user?.name ?? String(form.get("name")).trim();
    const password = String(form.get("password"));
    try {
      await put(`users/${encodeURIComponent(name)}`, { role: form.get("role"), ...(password ? { password } : {}) });
      toast(t("saved", name));
      onDone();
      onClose();
    } catch (problem) {
      set_error(message_of(problem));
    }
  };
  return (
    <Dialog title={user ? t("edit_device", user.name) : t("add_user")} onClose={onClose} actions={<>
      <button type="button" onClick={onClose}>{t("cancel")}</button>
      <button type="submit" class="primary" form="user-form">{t("save")}</button></>}>
      <form id="user-form" onSubmit={submit} class="form-grid">
        {!user && <Field label={t("user")} hint={t("name_hint")}>{(p) => <input {...p} name="name" required pattern="[A-Za-z0-9._@\-]+" maxLength={64} autocomplete="off" spellcheck={false} />}</Field>}
        <Field label={t("role")} hint={t("role_hint")}>{(p) => role_choice(p, user?.role ?? "operator")}</Field>
        <Field label={t("password")} hint={user ? t("password_keep") : t("password_hint")} error={error}>
          {(p) => <input {...p} name="password" type="password" minLength={10} maxLength={256} required={!user} autocomplete="new-password" />}</Field>
      </form>
    </Dialog>
  );
}

/** A token's secret is shown once, when it is made. */
function TokenForm({ token, onClose, onDone }: { token: Token | null; onClose: () => void; onDone: () => void }) {
  const [error, set_error] = useState("");
  const [made, set_made] = useState<Token | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const name = token?.name ?? String(form.get("name")).trim();
    try {
      set_made(await put<Token>(`tokens/${encodeURIComponent(name)}`, { role: form.get("role") }));
      onDone();
    } catch (problem) {
      set_error(message_of(problem));
    }
  };
  const copy = () => navigator.clipboard?.writeText(made!.token!).then(() => toast(t("copied")), () => {});
  if (made) return (
    <Dialog title={t("token_made", made.name)} onClose={onClose} actions={<>
      {navigator.clipboard && <button type="button" onClick={copy}>{t("copy")}</button>}
      <button type="button" class="primary" onClick={onClose}>{t("close")}</button></>}>
      <p>{t("token_once")}</p>
      <p class="secret mono break">{made.token}</p>
      <p class="muted small mono break">curl -H "Authorization: Bearer {made.name}.…" {location.origin}/api/v1/status</p>
    </Dialog>
  );
  return (
    <Dialog title={token ? t("token_renew", token.name) : t("add_token")} onClose={onClose} actions={<>
      <button type="button" onClick={onClose}>{t("cancel")}</button>
      <button type="submit" class="primary" form="token-form">{t(token ? "renew" : "add")}</button></>}>
      <form id="token-form" onSubmit={submit} class="form-grid">
        {!token && <Field label={t("name")} hint={t("token_name_hint")}>{(p) => <input {...p} name="name" required pattern="[A-Za-z0-9_\-]+" maxLength={32} autocomplete="off" spellcheck={false} />}</Field>}
        <Field label={t("role")} hint={t("role_hint")} error={error}>{(p) => role_choice(p, token?.role ?? "viewer")}</Field>
        {token && <p class="muted">{t("token_renew_text")}</p>}
      </form>
    </Dialog>
  );
}

function Tokens() {
  const at = useStore(now);
  const [edits, set_edits] = useState<Token | "new" | null>(null);
  const [removes, set_removes] = useState<string | null>(null);
  const { value, error, again } = usePolled(() => get<Page<Token>>("tokens"), 0);
  return (
    <section class="panel below">
      <header><h2>{t("tokens")}</h2><button type="button" onClick={() => set_edits("new")}><Icon name="key" size={16} /> {t("add_token")}</button></header>
      {error && !value && <Failed error={error} />}
      {value && !value.items.length && <p class="muted">{t("no_tokens")}</p>}
      {!!value?.items.length && <ul class="rows">{value.items.map((token) => (
        <li key={token.name}><span class="rows-main"><strong class="mono">{token.name}</strong><Badge tone={TONES[token.role]}>{word("role", token.role)}</Badge></span>
          <span class="muted">{ago(token.changed_at, at)}, {t("by", word("by", token.changed_by))}</span>
          <span class="acts">
            <button type="button" class="quiet square" aria-label={t("token_renew", token.name)} title={t("renew")} onClick={() => set_edits(token)}><Icon name="edit" /></button>
            <button type="button" class="quiet square danger-text" aria-label={`${t("remove")} ${token.name}`} title={t("remove")} onClick={() => set_removes(token.name)}><Icon name="trash" /></button></span></li>
      ))}</ul>}
      {edits && <TokenForm token={edits === "new" ? null : edits} onClose={() => set_edits(null)} onDone={again} />}
      {removes && <Confirm title={t("remove_title", removes)} text={t("sure_token")} action={t("remove")} onClose={() => set_removes(null)}
        onConfirm={async () => { await remove(`tokens/${encodeURIComponent(removes)}`); toast(t("removed", removes)); again(); }} />}
    </section>
  );
}

export function Users() {
  const at = useStore(now);
  const [edits, set_edits] = useState<User | "new" | null>(null);
  const [removes, set_removes] = useState<string | null>(null);
  const { value, error, again } = usePolled(() => get<Page<User>>("users"), 0);
  const users = value?.items;
  const role = (user: User) => <Badge tone={TONES[user.role]}>{word("role", user.role)}</Badge>;
  const title = (user: User) => <button type="button" class="link open strong" onClick={() => set_edits(user)}>{user.name}</button>;
  const act = (user: User) => <span class="acts">
    <button type="button" class="quiet square" aria-label={t("edit_device", user.name)} title={t("edit")} onClick={() => set_edits(user)}><Icon name="edit" /></button>
    <button type="button" class="quiet square danger-text" aria-label={`${t("remove")} ${user.name}`} title={t("remove")} onClick={() => set_removes(user.name)}><Icon name="trash" /></button></span>;
  const columns: Column<User>[] = [
    { name: "name", title: t("user"), width: "minmax(160px, 1fr)", by: (u) => u.name, show: title },
    { name: "role", title: t("role"), width: "180px", by: (u) => u.role, show: role },
    { name: "changed", title: t("changed"), width: "minmax(200px, 1fr)", by: (u) => u.changed_at, show: (u) => <span class="muted">{ago(u.changed_at, at)}, {t("by", word("by", u.changed_by))}</span> },
    { name: "act", title: "", width: "76px", right: true, show: act },
  ];
  return (
    <div class="screen fixed loose">
      <Head title={t("users")} note={users?.length ?? ""}>
        <button type="button" class="primary" onClick={() => set_edits("new")}><Icon name="plus" /> {t("add")}</button></Head>
      {error && !users && <Failed error={error} />}
      {users && !users.length && <Empty icon="users" title={t("no_users")} note={t("no_users_note")} />}
      {users && users.length > 0 && <List label={t("users")} rows={users} columns={columns} sorted="name" open={set_edits} card_height={84}
        card={(u) => <><div class="card-line">{title(u)}{role(u)}</div><div class="card-line muted"><span>{ago(u.changed_at, at)}, {t("by", word("by", u.changed_by))}</span>{act(u)}</div></>} />}
      <Tokens />
      {edits && <UserForm user={edits === "new" ? null : edits} onClose={() => set_edits(null)} onDone={again} />}
      {removes && <Confirm title={t("remove_title", removes)} text={t("sure_user")} action={t("remove")} onClose={() => set_removes(null)}
        onConfirm={async () => { await remove(`users/${encodeURIComponent(removes)}`); toast(t("removed", removes)); again(); }} />}
    </div>
  );
}

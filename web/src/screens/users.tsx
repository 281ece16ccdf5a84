import { useState } from "preact/hooks";
import { get, put, remove, type Page, type Role, type User } from "../api";
import { ago } from "../format";
import { t, word } from "../language";
import { now, usePolled } from "../live";
import { useStore } from "../store";
import { Icon } from "../ui/icons";
import { List, type Column } from "../ui/list";
import { Badge, Confirm, Dialog, Empty, Failed, Field, Head, message_of, toast, type Tone } from "../ui/parts";

const ROLES: Role[] = ["viewer", "operator", "admin"];
const TONES: Record<Role, Tone> = { viewer: "plain", operator: "info", admin: "warn" };

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
        <Field label={t("role")} hint={t("role_hint")}>{(p) => (
          <select {...p} name="role">{ROLES.map((role) => <option value={role} selected={role === (user?.role ?? "operator")}>{word("role", role)}</option>)}</select>)}</Field>
        <Field label={t("password")} hint={user ? t("password_keep") : t("password_hint")} error={error}>
          {(p) => <input {...p} name="password" type="password" minLength={10} maxLength={256} required={!user} autocomplete="new-password" />}</Field>
      </form>
    </Dialog>
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
    <div class="screen fixed">
      <Head title={t("users")} note={users?.length ?? ""}>
        <button type="button" class="primary" onClick={() => set_edits("new")}><Icon name="plus" /> {t("add")}</button></Head>
      {error && !users && <Failed error={error} />}
      {users && !users.length && <Empty icon="users" title={t("no_users")} note={t("no_users_note")} />}
      {users && users.length > 0 && <List label={t("users")} rows={users} columns={columns} key_of={(u) => u.name} sorted="name" open={set_edits} card_height={84}
        card={(u) => <><div class="card-line">{title(u)}{role(u)}</div><div class="card-line muted"><span>{ago(u.changed_at, at)}, {t("by", word("by", u.changed_by))}</span>{act(u)}</div></>} />}
      {edits && <UserForm user={edits === "new" ? null : edits} onClose={() => set_edits(null)} onDone={again} />}
      {removes && <Confirm title={t("remove_title", removes)} text={t("sure_user")} action={t("remove")} onClose={() => set_removes(null)}
        onConfirm={async () => { await remove(`users/${encodeURIComponent(removes)}`); toast(t("removed", removes)); again(); }} />}
    </div>
  );
}

import { useEffect, useState } from "preact/hooks";
import { post, session, type Session } from "../api";
import { Preferences } from "../frame";
import { t } from "../language";
import { Bell } from "../ui/icons";
import { Field, message_of } from "../ui/parts";

export function SignIn() {
  const [with_token, set_with_token] = useState(false);
  const [error, set_error] = useState("");
  const [busy, set_busy] = useState(false);
  useEffect(() => { document.title = `${t("sign_in")} · Belfry`; }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    set_busy(true);
    try {
      session.set(await post<Session>("session", Object.fromEntries(form)));
    } catch (problem) {
      set_error(message_of(problem));
      set_busy(false);
    }
  };
  return (
    <main class="sign-in">
      <div class="sign-in-tools"><Preferences /></div>
      <div class="sign-in-card">
        <Bell size={56} />
        <h1>Belfry</h1>
        <p class="sign-in-words">{t("welcome")}</p>
        <form onSubmit={submit}>
          {with_token
            ? <Field label={t("token")} hint={t("token_hint")} error={error}>
                {(p) => <input {...p} key="token" name="token" type="password" autocomplete="off" required autofocus />}</Field>
            : <>
              <Field label={t("user")}>{(p) => <input {...p} name="user" autocomplete="username" required autofocus spellcheck={false} />}</Field>
              <Field label={t("password")} error={error}>
                {(p) => <input {...p} key="password" name="password" type="password" autocomplete="current-password" required />}</Field>
            </>}
          <button type="submit" class="primary large" disabled={busy}>{t("sign_in")}</button>
        </form>
        <button type="button" class="link" onClick={() => { set_with_token(!with_token); set_error(""); }}>
          {t(with_token ? "with_password" : "with_token")}</button>
      </div>
    </main>
  );
}

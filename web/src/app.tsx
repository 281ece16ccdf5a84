import { useEffect } from "preact/hooks";
import { get, session, type Session } from "./api";
import { listen, stop_listening } from "./live";
import { language } from "./preferences";
import { place } from "./router";
import { useStore } from "./store";
import { Frame } from "./frame";
import { Toasts } from "./ui/parts";
import { Audit } from "./screens/audit";
import { Calls } from "./screens/calls";
import { Cdrs } from "./screens/cdrs";
import { Devices } from "./screens/devices";
import { Doctor } from "./screens/doctor";
import { Overview } from "./screens/overview";
import { Parameters } from "./screens/parameters";
import { Registrations } from "./screens/registrations";
import { SignIn } from "./screens/sign_in";
import { Trace } from "./screens/trace";
import { Users } from "./screens/users";

const SCREENS: Record<string, () => preact.JSX.Element> = {
  "/": () => <Overview />,
  "/calls": () => <Calls />,
  "/registrations": () => <Registrations />,
  "/mapping-gateways": () => <Devices kind="mapping-gateways" key="mapping" />,
  "/routing-gateways": () => <Devices kind="routing-gateways" key="routing" />,
  "/phones": () => <Devices kind="phones" key="phones" />,
  "/cdrs": () => <Cdrs />,
  "/trace": () => <Trace />,
  "/doctor": () => <Doctor />,
  "/parameters": () => <Parameters />,
  "/users": () => <Users />,
  "/audit": () => <Audit />,
};

export function App() {
  const present = useStore(session);
  const spoken = useStore(language);
  const { path } = useStore(place);

  useEffect(() => {
    get<Session>("session").then((found) => session.set(found), () => session.set(null));
  }, []);
  useEffect(() => {
    if (present) listen();
    else stop_listening();
  }, [present]);

  if (present === undefined) return <div class="waiting" aria-busy="true" />;
  if (present === null) return <SignIn key={spoken} />;
  const screen = SCREENS[path] ?? SCREENS["/"];
  return <div key={spoken} class="console"><Frame>{screen()}</Frame><Toasts /></div>;
}

import { render } from "preact";
import { App } from "./app";
import "./style/tokens.css";
import "./style/frame.css";
import "./style/parts.css";
import "./style/screens.css";

render(<App />, document.getElementById("console")!);

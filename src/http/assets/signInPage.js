/** Back from a provider: gets the session for the code, and goes on where somebody began. */
import { finishSignIn } from "./signIn.js";

const code = new URLSearchParams(location.search).get("code");
// Neither the history nor whoever looks over a shoulder needs it.
history.replaceState(null, "", location.pathname);
const outcome = document.getElementById("outcome");
const form = document.querySelector("form");

async function finish(factorCode) {
  try {
    location.replace(await finishSignIn(code, factorCode));
  } catch (error) {
    outcome.className = "wrong";
    outcome.textContent = error.message;
    // Who has a second factor is asked for its code, as long as the provider's is good.
    form.hidden = error.status !== 401;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  finish(new FormData(form).get("code"));
});
finish();

// Concept questions: choose an option, press Check, read why it is right or wrong.
// Without this script every explanation unfolds by itself, so nothing is lost.
document.querySelectorAll(".cbc-question").forEach((question) => {
  const check = question.querySelector(".cbc-question-check");
  const status = check.querySelector("[role=status]");
  const options = [...question.querySelectorAll(".cbc-option")];
  const reasons = options.map((option) => option.querySelector("details"));
  reasons.forEach((reason) => (reason.hidden = true));
  check.hidden = false;

  const forget = () => {
    status.textContent = "";
    options.forEach((option) => option.classList.remove("cbc-chosen"));
    reasons.forEach((reason) => (reason.open = false));
  };
  question.addEventListener("change", forget);
  check.querySelector("button").addEventListener("click", () => {
    forget();
    const chosen = options.findIndex((option) => option.querySelector("input").checked);
    if (chosen < 0) {
      status.textContent = "Choose an answer first.";
      return;
    }
    const right = options[chosen].dataset.verdict === "right";
    options[chosen].classList.add("cbc-chosen");
    // Once answered, the other explanations can be read, too.
    reasons.forEach((reason) => (reason.hidden = false));
    reasons[chosen].open = true;
    status.textContent = right
      ? "Right. The explanation is below your answer."
      : "Not this one. Read why below your answer, then try another.";
  });
});

"use strict";
(function () {
  var fields = Array.prototype.slice.call(document.querySelectorAll("fieldset"));
  var who = document.getElementById("annotator");
  var state = document.getElementById("state");
  var store = "isogloss-tasks-" + document.body.getAttribute("data-set");
  var at = 0;

  function chosen(field) {
    return field.querySelector("input:checked");
  }

  function keep() {
    var held = { who: who.value, at: at, answers: {} };
    fields.forEach(function (field) {
      var input = chosen(field);
      if (input) { held.answers[input.name] = input.value; }
    });
    try { localStorage.setItem(store, JSON.stringify(held)); } catch (error) { /* kept on the page */ }
  }

  function recall() {
    var held = null;
    try { held = JSON.parse(localStorage.getItem(store)); } catch (error) { return; }
    if (!held || !held.answers) { return; }
    who.value = held.who || "";
    at = Math.min(Math.max(0, Number(held.at) || 0), fields.length - 1);
    fields.forEach(function (field) {
      Array.prototype.forEach.call(field.querySelectorAll("input"), function (input) {
        input.checked = held.answers[input.name] === input.value;
      });
    });
  }

  function show() {
    fields.forEach(function (field, i) { field.className = i === at ? "" : "away"; });
    var done = fields.filter(chosen).length;
    state.textContent = done + " of " + fields.length + " answered";
    document.getElementById("back").disabled = at === 0;
    document.getElementById("next").disabled = at === fields.length - 1;
  }

  function go(step) {
    at = Math.min(Math.max(0, at + step), fields.length - 1);
    keep();
    show();
    var input = chosen(fields[at]) || fields[at].querySelector("input");
    if (input) { input.focus(); }
  }

  function quoted(text) {
    text = String(text);
    if (/^[=+\-@\t\r]/.test(text)) { text = "'" + text; }
    return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function save() {
    if (!who.value.trim()) {
      state.textContent = "Please give your name or initials first.";
      who.focus();
      return;
    }
    var lines = ["annotator,id,answer"];
    fields.forEach(function (field) {
      var input = chosen(field);
      lines.push([who.value.trim(), field.getAttribute("data-task"), input ? input.value : ""]
        .map(quoted).join(","));
    });
    var link = document.createElement("a");
    var blob = new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv" });
    link.href = URL.createObjectURL(blob);
    link.download = "answers-" + (who.value.trim().replace(/[^\w-]+/g, "_") || "someone") + ".csv";
    document.body.appendChild(link);
    link.click();
    document.body.removeChild(link);
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
    state.textContent = fields.filter(chosen).length + " answers saved as " + link.download;
  }

  document.addEventListener("keydown", function (event) {
    if (event.target === who || event.altKey || event.ctrlKey || event.metaKey) { return; }
    if (/^[1-9]$/.test(event.key)) {
      var input = fields[at].querySelectorAll("input")[Number(event.key) - 1];
      if (input) {
        input.checked = true;
        event.preventDefault();
        if (at < fields.length - 1) { go(1); } else { keep(); show(); }
      }
    } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      event.preventDefault();
      go(event.key === "ArrowRight" ? 1 : -1);
    }
  });
  document.addEventListener("change", function () { keep(); show(); });
  who.addEventListener("input", keep);
  document.getElementById("back").addEventListener("click", function () { go(-1); });
  document.getElementById("next").addEventListener("click", function () { go(1); });
  document.getElementById("save").addEventListener("click", save);
  if (!fields.length) { state.textContent = "There are no questions."; return; }
  recall();
  show();
})();

// What a page knows of the Airflow around it: its theme, its DAGs, and how to go there.

const FRAMED = window.parent !== window;
const HERE = new URL("..", import.meta.url); // …/saleslake/
const AIRFLOW = new URL("..", HERE);

/** Follow Airflow's theme where the page is framed by it; else the machine's. */
function followTheme() {
  if (!FRAMED) return;
  try {
    const root = window.parent.document.documentElement;
    const follow = () => {
      const theme = root.classList.contains("dark") ? "dark" : root.classList.contains("light") ? "light" : "";
      if (theme) document.documentElement.dataset.theme = theme;
      else delete document.documentElement.dataset.theme;
      document.dispatchEvent(new Event("themechange"));
    };
    follow();
    new MutationObserver(follow).observe(root, { attributes: true, attributeFilter: ["class"] });
  } catch {
    // Framed by somebody else: the machine's theme it is.
  }
}

/** An address in Airflow's UI, such as `dags/publish_marts`. */
export const airflowUrl = (path) => new URL(path, AIRFLOW).href;

/**
 * A link out of the frame. Airflow's frame lets a page neither open a window nor steer the one around it; the page
 * around it may go where its own links lead.
 */
export function leaveFrame(event) {
  if (!FRAMED || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const link = window.parent.document.createElement("a");
  link.href = event.currentTarget.href;
  link.hidden = true;
  window.parent.document.body.append(link);
  link.click();
  link.remove();
}

followTheme();

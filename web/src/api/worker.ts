// The script that the engine's worker runs, as the package has it.
import "../engine/worker.ts";

package pidfd

import (
	"path/filepath"
	"strconv"
	"strings"
)

// Children lists the processes whose parent a process is, zombies too, see
// proc_pid_task(5). It is empty on a kernel without CONFIG_PROC_CHILDREN.
func Children(pid int) (list []int) {
	tasks, _ := filepath.Glob(procFile(pid, "task/*/children"))
	for _, task := range tasks {
		text, _ := ReadFile(task) // the thread may have ended
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				list = append(list, child)
			}
		}
	}
	return list
}

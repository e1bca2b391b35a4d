throw new Error("thrown at top")

// The main file throws and a listener takes it: the program goes on, and ends well.
process.on('uncaughtException', (error) => console.log('taken:', error.message));
setTimeout(() => console.log('later'), 1);
throw new Error('at the top');
